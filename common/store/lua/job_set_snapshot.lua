#!lua flags=allow-oom
-- Stores what the source looked like at the first attempt.
-- KEYS    prefix
-- ARGV    id, attempt, snapshot, engine_version, ordered (1 | 0)
-- RETURNS OK | LOST | CONFLICT words
-- REPEAT  the same values change nothing; other ones only while nothing was sealed from the first

local id, attempt, snapshot = ARGV[1], ARGV[2], ARGV[3]
local j = job_of_attempt(id, attempt)

if not j then
    return {'LOST'}
end
local old = call('GET', key('snap', id))
if old and old ~= snapshot and (num(j.next_index) > 1 or j.result ~= '') then
    return {'CONFLICT', 'files were made from another snapshot'}
end
call('SET', key('snap', id), snapshot)
call('HSET', key('job', id), 'engine_version', ARGV[4], 'ordered', ARGV[5])
return {'OK'}
