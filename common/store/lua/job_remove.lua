#!lua flags=allow-oom
-- The user removes a job: objects stay, everything else goes; a tombstone tells who works on it.
-- KEYS    prefix
-- ARGV    domain, id, paths_max
-- RETURNS OK code view; codes 0, 100 (no view)
-- REPEAT  the second call finds the tombstone and answers 100

local id = ARGV[2]
local j = job_load(id)

if not j or j.domain ~= ARGV[1] or j.phase == 'gone' then
    return {'OK', 100}
end
local running = j.phase == 'running'
local attempt = j.attempt
set_state(id, j, 'remove')
local view = job_view(id, num(ARGV[3]))
drop_job(id, j)
call('DEL', key('job', id))
call('HSET', key('job', id), 'id', id, 'domain', j.domain, 'desired', j.desired, 'phase', j.phase,
    'status', j.status, 'attempt', running and attempt or '')
call('PEXPIRE', key('job', id), TOMBSTONE_MS)
return {'OK', 0, view}
