#!lua flags=allow-oom
-- Gives the next job of an engine to an attempt: the domain whose turn it is, its first job.
-- KEYS    prefix
-- ARGV    engine, kind, worker, attempt, lease_ms
-- RETURNS OK id domain spec secrets snapshot engine_version result result_spool resume_rows
--         next_index resume_hash nsent | NONE
-- REPEAT  the same attempt id gets the same job again while it holds it

local engine, kind, worker, attempt, lease_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], num(ARGV[5])
local ring = key('ring', engine, kind)

local function answer(id)
    local v = call('HMGET', key('job', id), 'domain', 'spec', 'secrets', 'engine_version', 'result',
        'result_spool', 'resume_rows', 'next_index', 'resume_hash', 'nsent')
    local a = {'OK', id, v[1], v[2], v[3], call('GET', key('snap', id))}
    for i = 4, 10 do
        a[#a + 1] = v[i]
    end
    for i = 1, 13 do
        a[i] = a[i] or ''
    end
    return a
end

local function take(id, j)
    set_state(id, j, 'claim')
    call('HSET', key('job', id), 'attempt', attempt, 'worker', worker, 'sealed', 0)
    call('HSETNX', key('job', id), 'started', NOW)
    call('SADD', key('running', j.domain), id)
    call('ZADD', key('lease'), NOW + lease_ms, 'j:' .. id)
    call('SET', key('claim', attempt), id, 'PX', lease_ms)
    return answer(id)
end

local had = call('GET', key('claim', attempt))
if had and job_of_attempt(had, attempt) then
    return answer(had)
end

for _ = 1, 1000 do
    local domain = call('ZRANGE', ring, 0, 0)[1]
    if not domain then
        return {'NONE'}
    end
    local limit = num(call('HGET', key('limits'), domain))
    local queue = key('queue', engine, kind, domain)
    if limit > 0 and call('SCARD', key('running', domain)) >= limit then
        call('ZREM', ring, domain)
        call('SADD', key('parked', domain), engine .. ':' .. kind)
    else
        local id = call('ZPOPMIN', queue)[1]
        if id and call('ZCARD', queue) > 0 then
            call('ZADD', ring, turn(), domain)
        else
            call('ZREM', ring, domain)
        end
        local j = id and job_load(id)
        if j and next_state(j, 'claim') then
            return take(id, j)
        end
    end
end
return {'NONE'}
