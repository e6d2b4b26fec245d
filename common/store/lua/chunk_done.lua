#!lua flags=allow-oom
-- The object of a chunk is confirmed. Completes the job when it was the last.
-- KEYS    prefix
-- ARGV    id, index, token, path, verified (1 | 0)
-- RETURNS OK | LOST
-- REPEAT  the record keeps the token: its second call finds the chunk sent

local id, index, token = ARGV[1], ARGV[2], ARGV[3]
local j, r = job_load(id), record_get(id, index)

if not j or j.status == 'REMOVED' or not r then
    return {'LOST'}
end
if r.sent then
    return {r.token == token and 'OK' or 'LOST'}
end
local u = up_of_token(id, index, token)
if not u then
    return {'LOST'}
end
r.token = token
chunk_sent(id, j, index, u, r, ARGV[4], ARGV[5])
if j.phase == 'draining' and num(j.nsent) + 1 == num(j.added) then
    complete(id, j)
end
return {'OK'}
