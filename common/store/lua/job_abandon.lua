#!lua flags=allow-oom
-- The holder of the attempt is known to be dead: as if its lease had run out.
-- KEYS    prefix
-- ARGV    id, attempt, attempts_max
-- RETURNS OK | LOST
-- REPEAT  the first call ends the attempt, so the second is LOST

local j = job_of_attempt(ARGV[1], ARGV[2])

if not j then
    return {'LOST'}
end
lose(ARGV[1], j, 'the worker process died', num(ARGV[3]))
return {'OK'}
