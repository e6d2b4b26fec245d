#!lua flags=no-writes
-- All saved queries of a domain by id, without their text.
-- KEYS    prefix
-- ARGV    domain
-- RETURNS OK, then for each an array: id owner created updated
-- REPEAT  reads only

local out = {'OK'}
local ids = call('HKEYS', key('saved', ARGV[1]))

table.sort(ids)
for _, id in ipairs(ids) do
    local s = parse(call('HGET', key('saved', ARGV[1]), id) or nil)
    if s then
        out[#out + 1] = {id, s.owner, s.created, s.updated}
    end
end
return out
