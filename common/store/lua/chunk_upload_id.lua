#!lua flags=allow-oom
-- Remembers the multipart upload of a chunk before its first part; '' forgets it.
-- KEYS    prefix
-- ARGV    id, index, token, upload_id
-- RETURNS OK | LOST
-- REPEAT  the same value is set again

local u = up_of_token(ARGV[1], ARGV[2], ARGV[3])

if not u then
    return {'LOST'}
end
u.upload_id = ARGV[4]
up_set(ARGV[1], ARGV[2], u)
return {'OK'}
