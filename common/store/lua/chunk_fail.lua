#!lua flags=allow-oom
-- The destination refuses: the job is STOPPED with the words, its unsent chunks wait for start.
-- KEYS    prefix
-- ARGV    id, index, token, words
-- RETURNS OK | LOST
-- REPEAT  the first call ends the claim, so the second is LOST

local id, index = ARGV[1], ARGV[2]
local u, j = up_of_token(id, index, ARGV[3]), job_load(id)

if not u or not j or not next_state(j, 'hold') then
    return {'LOST'}
end
u.error = ARGV[4]
up_hold(id, index, u)
-- Chunks in other hands end as they end; chunk_retry and reap hold them then.
up_each(id, 0, function(i, other)
    if other.state == 'pending' or other.state == 'delayed' then
        up_hold(id, i, other)
    end
end)
unqueue_job(id, j)
call('HSET', key('job', id), 'held', 1)
errors_add(id, {ARGV[4]})
set_state(id, j, 'hold')
mark_ended(id, j)
return {'OK'}
