#!lua flags=allow-oom
-- The user starts a STOPPED job again: errors and attempts cleared, held chunks go up.
-- KEYS    prefix
-- ARGV    domain, id, paths_max, secrets ('' = keep)
-- RETURNS OK code view; codes 0, 100 (no view), 101 (not STOPPED)
-- REPEAT  the second call finds the job RUNNING and changes nothing

local id = ARGV[2]
local j = job_load(id)

if not j or j.domain ~= ARGV[1] or j.phase == 'gone' then
    return {'OK', 100}
end
if not next_state(j, 'start') then
    return {'OK', 101, job_view(id, num(ARGV[3]))}
end
if ARGV[4] ~= '' then
    call('HSET', key('job', id), 'secrets', ARGV[4])
    call('HDEL', key('job', id), 'wiped')
end
call('HDEL', key('job', id), 'errors', 'attempts', 'history', 'held')
unmark_ended(id, j)
set_state(id, j, 'start')
up_each(id, 0, function(index, u)
    if u.state == 'held' or u.state == 'delayed' then
        up_offer(id, index, u)
    end
end)
if j.phase == 'queued' then
    queue_job(id, j, false)
end
return {'OK', 0, job_view(id, num(ARGV[3]))}
