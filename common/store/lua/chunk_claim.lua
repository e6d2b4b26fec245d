#!lua flags=allow-oom
-- Gives the next pending chunk of a spool to an uploader: jobs in turn, lowest index first.
-- KEYS    prefix
-- ARGV    spool, uploader, token, lease_ms
-- RETURNS OK id index record domain spec secrets upload_id tries first_try unanswered | NONE
-- REPEAT  the same token gets the same chunk again while it holds it

local spool, uploader, token, lease_ms = ARGV[1], ARGV[2], ARGV[3], num(ARGV[4])
local ring = key('upload', spool)

-- tries and first_try are those of earlier claims.
local function answer(id, index, u)
    local v = call('HMGET', key('job', id), 'domain', 'spec', 'secrets')
    return {'OK', id, index, call('HGET', key('files', id), index), v[1], v[2], v[3] or '',
        u.upload_id or '', u.tries - 1, u.tries > 1 and u.first_try or 0, u.unanswered or 0}
end

local had = call('GET', key('claim', token))
if had then
    local id, index = string.match(had, '^([^:]+):(%d+)$')
    local u = up_of_token(id, index, token)
    if u then
        return answer(id, index, u)
    end
end

for _ = 1, 1000 do
    local id = call('ZRANGE', ring, 0, 0)[1]
    if not id then
        return {'NONE'}
    end
    local pend = key('pend', spool, id)
    local index = call('ZPOPMIN', pend)[1]
    if index and call('ZCARD', pend) > 0 then
        call('ZADD', ring, turn(), id)
    else
        call('ZREM', ring, id)
    end
    local u = index and up_get(id, index)
    if u and u.state == 'pending' then
        u.state, u.token, u.uploader, u.tries = 'claimed', token, uploader, num(u.tries) + 1
        if num(u.first_try) == 0 then
            u.first_try = NOW
        end
        up_set(id, index, u)
        call('ZADD', key('lease'), NOW + lease_ms, 'c:' .. id .. ':' .. index)
        call('SET', key('claim', token), id .. ':' .. index, 'PX', lease_ms)
        return answer(id, index, u)
    end
end
return {'NONE'}
