#!lua flags=no-writes
-- All credentials, secrets sealed.
-- KEYS    prefix
-- ARGV    -
-- RETURNS OK, then for each an array: OK api_key domain secret tables read_only expires
-- REPEAT  reads only

local out = {'OK'}
local keys = call('SMEMBERS', key('creds'))

table.sort(keys)
for _, api_key in ipairs(keys) do
    local v = call('HMGET', key('cred', api_key), 'domain', 'secret', 'tables', 'read_only',
        'expires')
    if v[1] then
        out[#out + 1] = {'OK', api_key, v[1], v[2] or '', v[3] or '', v[4] or '0', v[5] or '0'}
    end
end
return out
