#!lua flags=no-writes
-- Jobs of a domain, newest first, each with at most paths_max paths; a page of them. At most 10,000
-- are looked at in one call, so a page of a rare kind may be short, or empty, and still have a next.
-- KEYS    prefix
-- ARGV    domain, type ('' = all), name_prefix ('' = all), status ('' = all), cursor_us ('' = from
--         the newest), cursor_id, limit, paths_max
-- RETURNS OK cursor view view ...; cursor: where the next page begins, '' at the end
-- REPEAT  reads only

local domain, kind, prefix, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at, last_id, limit, paths_max = ARGV[5], ARGV[6], num(ARGV[7]), num(ARGV[8])
local out, step, left = {'OK', ''}, 200, 10000

-- Jobs of one microsecond stand in the reverse order of their ids.
local function behind(id, score)
    return at == '' or num(score) < num(at) or (num(score) == num(at) and id < last_id)
end

local function wanted(id)
    local v = call('HMGET', key('job', id), 'type', 'name', 'status')
    return v[1] and (kind == '' or v[1] == kind) and (status == '' or v[3] == status) and
        (prefix == '' or string.sub(v[2], 1, #prefix) == prefix)
end

while true do
    local skip = 0
    local found = call('ZREVRANGEBYSCORE', key('jobs', domain), at == '' and '+inf' or at, '-inf',
        'WITHSCORES', 'LIMIT', 0, step)
    for i = 1, #found, 2 do
        local id, score = found[i], found[i + 1]
        if not behind(id, score) then
            skip = skip + 1
        elseif #out - 2 == limit or left == 0 then
            out[2] = at .. '-' .. last_id
            return out
        else
            left = left - 1
            if wanted(id) then
                out[#out + 1] = job_view(id, paths_max)
            end
            at, last_id = score, id
        end
    end
    if #found < 2 * step or 2 * skip == #found then
        return out
    end
end
