#!lua flags=allow-oom
-- Upkeep: leases that ran out, retries that are due, secrets and jobs past their time.
-- KEYS    prefix
-- ARGV    lease_ms, attempts_max, keep_ms, keep_count, keep_secrets_ms, gap_ms, batch
-- RETURNS OK jobs_lost chunks_lost due expired
-- REPEAT  what was done is no longer there to be done

local lease_ms, attempts_max, keep_ms, keep_count = num(ARGV[1]), num(ARGV[2]), num(ARGV[3]),
    num(ARGV[4])
local keep_secrets_ms, gap_ms, batch = num(ARGV[5]), num(ARGV[6]), num(ARGV[7])
local jobs_lost, chunks_lost, due, expired = 0, 0, 0, 0

local function past(zset, limit_ms)
    return call('ZRANGEBYSCORE', key(zset), '-inf', limit_ms, 'LIMIT', 0, batch)
end

local function extend_leases(gap)
    local all = call('ZRANGE', key('lease'), 0, -1, 'WITHSCORES')
    for i = 1, #all, 2 do
        call('ZADD', key('lease'), math.min(num(all[i + 1]) + gap, NOW + lease_ms), all[i])
    end
end

local function lose_chunk(id, index)
    local u, j = up_get(id, index), job_load(id)
    if not u or not j or u.state ~= 'claimed' then
        return
    end
    u.unanswered = 1 -- its uploader may have died behind a PUT
    if j.held == '1' then
        up_hold(id, index, u)
    else
        up_offer(id, index, u)
    end
    chunks_lost = chunks_lost + 1
end

local function reap_leases()
    for _, m in ipairs(past('lease', NOW)) do
        local id, index = string.match(m, '^c:([^:]+):(%d+)$')
        call('ZREM', key('lease'), m)
        if id then
            lose_chunk(id, index)
        else
            id = string.sub(m, 3)
            local j = job_load(id)
            if j and j.phase == 'running' then
                lose(id, j, 'no sign of life from the worker', attempts_max)
                jobs_lost = jobs_lost + 1
            end
        end
    end
end

local function reap_delayed()
    for _, m in ipairs(past('delayed', NOW)) do
        local id, index = string.match(m, '^c:([^:]+):(%d+)$')
        call('ZREM', key('delayed'), m)
        local j = job_load(id or string.sub(m, 3))
        if id then
            local u = up_get(id, index)
            if u and u.state == 'delayed' then
                up_offer(id, index, u)
            end
        elseif j and j.phase == 'queued' then
            queue_job(string.sub(m, 3), j, false)
        end
        due = due + 1
    end
end

local function forget(id)
    local j = job_load(id)
    call('ZREM', key('expire'), id)
    if j then
        drop_job(id, j)
        call('UNLINK', key('job', id))
        expired = expired + 1
    end
end

local function trim(domain)
    local over = call('ZCARD', key('done', domain)) - keep_count
    if over <= 0 then
        return
    end
    for _, id in ipairs(call('ZRANGE', key('done', domain), 0, math.min(over, batch) - 1)) do
        forget(id)
        call('ZREM', key('done', domain), id)
    end
    if over > batch then
        call('SADD', key('trim'), domain)
    end
end

local last = call('GET', key('tick'))
call('SET', key('tick'), NOW)
if last and NOW - num(last) > gap_ms then
    extend_leases(NOW - num(last))
else
    reap_leases()
end
reap_delayed()
for _, id in ipairs(past('expire', NOW - keep_ms)) do
    forget(id)
end
for _, domain in ipairs(call('SPOP', key('trim'), 3)) do
    trim(domain)
end
for _, id in ipairs(past('wipe', NOW - keep_secrets_ms)) do
    call('ZREM', key('wipe'), id)
    if call('HDEL', key('job', id), 'secrets') == 1 then
        call('HSET', key('job', id), 'wiped', 1)
    end
end
return {'OK', jobs_lost, chunks_lost, due, expired}
