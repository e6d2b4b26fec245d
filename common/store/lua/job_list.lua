#!lua flags=no-writes
-- The newest jobs of a domain, newest first, each with at most paths_max paths.
-- KEYS    prefix
-- ARGV    domain, type ('' = all), name_prefix ('' = all), limit, paths_max
-- RETURNS OK view view ...
-- REPEAT  reads only

local domain, kind, prefix, limit, paths_max = ARGV[1], ARGV[2], ARGV[3], num(ARGV[4]), num(ARGV[5])
local out, from, step = {'OK'}, 0, 200

while #out - 1 < limit do
    local ids = call('ZREVRANGE', key('jobs', domain), from, from + step - 1)
    for _, id in ipairs(ids) do
        local v = call('HMGET', key('job', id), 'type', 'name')
        if v[1] and (kind == '' or v[1] == kind) and
            (prefix == '' or string.sub(v[2], 1, #prefix) == prefix) and #out - 1 < limit then
            out[#out + 1] = job_view(id, paths_max)
        end
    end
    from = from + step
    if #ids < step then
        break
    end
end
return out
