#!lua flags=allow-oom
-- The attempt gives the job back.
-- KEYS    prefix
-- ARGV    id, attempt, how (stopped | drained | retry | failed), words, random (0..999999),
--         attempts_max
-- RETURNS OK | LOST
-- REPEAT  the first call ends the attempt, so the second is LOST

local id, attempt, how, words = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local j = job_load(id)

if j and j.status == 'REMOVED' and attempt ~= '' and j.attempt == attempt then
    return {'OK'}
end
j = job_of_attempt(id, attempt)
if not j then
    return {'LOST'}
end
if how == 'retry' then
    local top = math.min(60000, 1000 * 2 ^ math.min(num(j.attempts), 10))
    lose(id, j, words, num(ARGV[6]), math.floor(top * num(ARGV[5]) / 1000000))
    return {'OK'}
end
local event = ({stopped = 'release', drained = 'drain', failed = 'fail'})[how]
if not event then
    error({err = 'BUG release ' .. how})
end
end_attempt(id, j)
set_state(id, j, event)
if how == 'failed' then
    errors_add(id, {words})
end
if j.phase == 'queued' then
    queue_job(id, j, true)
else
    mark_ended(id, j)
end
return {'OK'}
