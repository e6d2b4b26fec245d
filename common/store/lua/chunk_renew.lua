#!lua flags=allow-oom
-- Extends the lease of a chunk.
-- KEYS    prefix
-- ARGV    id, index, token, lease_ms
-- RETURNS OK | LOST
-- REPEAT  a lease is only set anew

if not up_of_token(ARGV[1], ARGV[2], ARGV[3]) then
    return {'LOST'}
end
call('ZADD', key('lease'), NOW + num(ARGV[4]), 'c:' .. ARGV[1] .. ':' .. ARGV[2])
return {'OK'}
