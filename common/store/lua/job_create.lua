#!lua
-- A new job, queued. Refused when Redis is full: the only script without allow-oom.
-- KEYS    prefix
-- ARGV    id, domain, name, engine, kind, priority, queued_limit, running_limit, then field and
--         value pairs of the hash
-- RETURNS OK | CONFLICT words (the name is taken) | FULL words
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

if call('EXISTS', key('job', id)) == 1 then
    return {'OK'}
end
if call('EXISTS', key('name', domain, name)) == 1 then
    return {'CONFLICT', name}
end
if call('ZCARD', key('queue', engine, kind, domain)) >= queued_limit then
    return {'FULL', 'the domain has ' .. queued_limit .. ' jobs waiting, which is its limit'}
end
if memory_full() then
    return {'FULL', 'the job store is above 80 % of its memory'}
end

local j = {domain = domain, engine = engine, kind = kind, priority = ARGV[6]}
call('HSET', key('job', id), 'id', id, 'domain', domain, 'name', name, 'engine', engine, 'kind',
    kind, 'priority', ARGV[6], 'created', NOW, 'desired', 'run', 'phase', 'queued', 'status',
    'CREATED', 'version', 1, 'next_index', 1, unpack(ARGV, 9))
call('SET', key('name', domain, name), id)
call('ZADD', key('jobs', domain), NOW_US, id)
call('HSET', key('limits'), domain, running_limit)
queue_job(id, j, false)
call('PUBLISH', key('ev', domain), id .. ' CREATED')
return {'OK'}
