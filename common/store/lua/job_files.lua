#!lua flags=no-writes
-- The confirmed files of a job in index order, from the first behind an index on.
-- KEYS    prefix
-- ARGV    domain, id, after (index; 0 = from the first), limit
-- RETURNS OK next file file ... | NOTFOUND; next: index to go on behind, '' at the end; a file is
--         index path start end bytes content_bytes file_sha256 sent adopted
-- REPEAT  reads only

local id, limit = ARGV[2], num(ARGV[4])
local j = call('HMGET', key('job', id), 'domain', 'phase', 'ordered')

if j[1] ~= ARGV[1] or j[2] == 'gone' then
    return {'NOTFOUND'}
end
local out = {'OK', ''}
if not shows_paths(j[2], j[3]) then
    return out
end
local found = call('ZRANGEBYSCORE', key('paths', id), '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0,
    limit + 1)
for i = 1, math.min(#found, 2 * limit), 2 do
    local path, index = found[i], found[i + 1]
    local r = record_get(id, index)
    if r then
        out[#out + 1] = {index, path, r.start, r['end'], r.bytes, r.content_bytes, r.file_sha256,
            r.sent or 0, r.adopted or 0}
    end
end
if #found > 2 * limit then
    out[2] = found[2 * limit]
end
return out
