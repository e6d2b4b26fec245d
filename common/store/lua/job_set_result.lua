#!lua flags=allow-oom
-- Remembers the file of a materialised result. A whole result is progress: attempts start again.
-- KEYS    prefix
-- ARGV    id, attempt, spool, name
-- RETURNS OK | LOST
-- REPEAT  the same value is set again

local id, attempt = ARGV[1], ARGV[2]
local j = job_of_attempt(id, attempt)

if not j then
    return {'LOST'}
end
call('HSET', key('job', id), 'result', ARGV[4], 'result_spool', ARGV[3])
if j.result ~= ARGV[4] then
    call('HSET', key('job', id), 'sealed', 1, 'attempts', 0)
end
return {'OK'}
