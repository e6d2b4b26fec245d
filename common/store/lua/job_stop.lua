#!lua flags=allow-oom
-- The user stops a job. What is sealed still goes up; a running attempt learns it by its renewal.
-- KEYS    prefix
-- ARGV    domain, id, paths_max
-- RETURNS OK code view; codes 0, 100 (no view), 101 COMPLETED, 108 STOPPED already
-- REPEAT  the second call finds the job STOPPED and changes nothing

local id = ARGV[2]
local j = job_load(id)

if not j or j.domain ~= ARGV[1] or j.phase == 'gone' then
    return {'OK', 100}
end
if not next_state(j, 'stop') then
    return {'OK', j.status == 'STOPPED' and 108 or 101, job_view(id, num(ARGV[3]))}
end
if j.phase == 'queued' then
    unqueue_job(id, j)
end
set_state(id, j, 'stop')
mark_ended(id, j)
return {'OK', 0, job_view(id, num(ARGV[3]))}
