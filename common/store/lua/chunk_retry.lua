#!lua flags=allow-oom
-- The chunk could not be sent for now; it comes back after the delay.
-- KEYS    prefix
-- ARGV    id, index, token, delay_ms, unanswered (1 | 0), words
-- RETURNS OK | LOST
-- REPEAT  the first call ends the claim, so the second is LOST

local id, index = ARGV[1], ARGV[2]
local u, j = up_of_token(id, index, ARGV[3]), job_load(id)

if not u or not j then
    return {'LOST'}
end
if ARGV[5] == '1' then
    u.unanswered = 1
end
u.error = ARGV[6]
if j.held == '1' then
    up_hold(id, index, u)
    return {'OK'}
end
up_withdraw(id, index, u)
u.state = 'delayed'
up_set(id, index, u)
call('ZADD', key('delayed'), NOW + num(ARGV[4]), 'c:' .. id .. ':' .. index)
return {'OK'}
