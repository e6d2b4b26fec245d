#!lua flags=allow-oom
-- The query has ended. COMPLETED when nothing is left to send, else the chunks drain.
-- KEYS    prefix
-- ARGV    id, attempt, rows, last_event
-- RETURNS OK | LOST | CONFLICT words (rows differ from what is sealed)
-- REPEAT  the attempt stays on record: its second call finds the query ended

local id, attempt, rows = ARGV[1], ARGV[2], num(ARGV[3])
local j = job_load(id)

if not j or attempt == '' or j.attempt ~= attempt then
    return {'LOST'}
end
if j.phase == 'draining' or j.phase == 'done' then
    return {'OK'}
end
if j.phase ~= 'running' then
    return {'LOST'}
end
local counted = j.type == 'donothing'
if not counted and rows ~= num(j.resume_rows) then
    return {'CONFLICT', 'the query ended with ' .. rows .. ' rows, ' .. num(j.resume_rows) ..
        ' are in files'}
end

call('HSET', key('job', id), 'rows', rows, 'generated', math.max(rows, num(j.generated)),
    'last_event', math.max(num(ARGV[4]), num(j.last_event)))
if counted then
    call('HSET', key('job', id), 'sent', rows)
end
end_attempt(id, j, true)
if num(j.added) == num(j.nsent) then
    complete(id, j)
else
    set_state(id, j, 'end')
end
return {'OK'}
