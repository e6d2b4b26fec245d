#!lua flags=allow-oom
-- Deletes a credential and its token.
-- KEYS    prefix
-- ARGV    api_key
-- RETURNS OK | NOTFOUND
-- REPEAT  the second call finds none

local token = call('HGET', key('cred', ARGV[1]), 'token')

if call('DEL', key('cred', ARGV[1])) == 0 then
    return {'NOTFOUND'}
end
call('SREM', key('creds'), ARGV[1])
if token then
    call('DEL', key('token', token))
end
return {'OK'}
