#!lua flags=allow-oom
-- Extends the lease of an attempt and takes its progress.
-- KEYS    prefix
-- ARGV    id, attempt, lease_ms, generated, last_event
-- RETURNS OK stop removed unsent | LOST
-- REPEAT  counters only grow, a lease is only set anew

local id, attempt, lease_ms, generated, last_event = ARGV[1], ARGV[2], num(ARGV[3]), num(ARGV[4]),
    num(ARGV[5])
local j = job_load(id)

if j and j.status == 'REMOVED' and attempt ~= '' and j.attempt == attempt then
    return {'OK', 1, 1, 0}
end
j = job_of_attempt(id, attempt)
if not j then
    return {'LOST'}
end
if generated > num(j.generated) or last_event > num(j.last_event) then
    call('HSET', key('job', id), 'generated', math.max(generated, num(j.generated)), 'last_event',
        math.max(last_event, num(j.last_event)))
    changed(id, j)
end
call('ZADD', key('lease'), NOW + lease_ms, 'j:' .. id)
return {'OK', j.desired == 'run' and 0 or 1, 0, num(j.added) - num(j.nsent)}
