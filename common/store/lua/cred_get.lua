#!lua flags=no-writes
-- A credential by API key, or by the SHA-256 of a token.
-- KEYS    prefix
-- ARGV    by (key | token), value
-- RETURNS OK api_key domain secret tables read_only expires | NOTFOUND
-- REPEAT  reads only

local api_key = ARGV[2]

if ARGV[1] == 'token' then
    api_key = call('GET', key('token', ARGV[2]))
end
local v = api_key and call('HMGET', key('cred', api_key), 'domain', 'secret', 'tables', 'read_only',
    'expires')
if not v or not v[1] then
    return {'NOTFOUND'}
end
return {'OK', api_key, v[1], v[2] or '', v[3] or '', v[4] or '0', v[5] or '0'}
