#!lua
-- A new job, queued. Refused when Redis is full: no allow-oom.
-- KEYS    prefix
-- ARGV    id, domain, name, engine, kind, priority, queued_limit, running_limit, body_mark,
--         idem_key ('' = none), idem_ms, replay_key ('' = none), replay_ms, then field and value
--         pairs of the hash
-- RETURNS OK id (of an earlier request with the same key and body, else the new one) |
--         DIFFERS (same key, other body) | CONFLICT words (the name is taken) |
--         FULL words [limit] (with the name of the limit where it is one of the domain's)
-- REPEAT  a job that is there already is answered OK and left as it is

local id, domain, name, engine, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local queued_limit, running_limit = num(ARGV[7]), num(ARGV[8])

-- INFO is not cheap, so its verdict is kept for 250 ms.
local function memory_full()
    local seen = call('GET', key('mem'))
    if not seen then
        local info = call('INFO', 'memory')
        local used = num(string.match(info, '\nused_memory:(%d+)'))
        local max = num(string.match(info, '\nmaxmemory:(%d+)'))
        seen = (max > 0 and used > max * 0.8) and 'full' or 'ok'
        call('SET', key('mem'), seen, 'PX', 250)
    end
    return seen == 'full'
end

-- What a repeated request is known by: key and how long it is kept. A replay is known by its
-- signature even where somebody took the Idempotency-Key off, which is not signed.
local marks = {}
for i = 10, 12, 2 do
    if ARGV[i] ~= '' then
        marks[#marks + 1] = {key('idem', domain, ARGV[i]), num(ARGV[i + 1])}
    end
end
for _, m in ipairs(marks) do
    local hash, earlier = string.match(call('GET', m[1]) or '', '^(%x+) (.+)$')
    if earlier then
        return hash == ARGV[9] and {'OK', earlier} or {'DIFFERS'}
    end
end
if call('EXISTS', key('job', id)) == 1 then
    return {'OK', id}
end
if call('EXISTS', key('name', domain, name)) == 1 then
    return {'CONFLICT', name}
end
if call('ZCARD', key('queue', engine, kind, domain)) >= queued_limit then
    return {'FULL', 'the domain has ' .. queued_limit .. ' jobs waiting, which is its limit',
        'queued'}
end
if memory_full() then
    return {'FULL', 'the job store is above 80 % of its memory'}
end

local j = {domain = domain, engine = engine, kind = kind, priority = ARGV[6]}
call('HSET', key('job', id), 'id', id, 'domain', domain, 'name', name, 'engine', engine, 'kind',
    kind, 'priority', ARGV[6], 'created', NOW, 'desired', 'run', 'phase', 'queued', 'status',
    'CREATED', 'version', 1, 'next_index', 1, unpack(ARGV, 14))
call('SET', key('name', domain, name), id)
for _, m in ipairs(marks) do
    call('SET', m[1], ARGV[9] .. ' ' .. id, 'PX', m[2])
end
call('ZADD', key('jobs', domain), NOW_US, id)
call('HSET', key('limits'), domain, running_limit)
queue_job(id, j, false)
call('PUBLISH', key('ev', domain), id .. ' CREATED')
return {'OK', id}
