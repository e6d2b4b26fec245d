#!lua flags=no-writes
-- A saved query.
-- KEYS    prefix
-- ARGV    domain, id
-- RETURNS OK id query owner created updated | NOTFOUND
-- REPEAT  reads only

local s = parse(call('HGET', key('saved', ARGV[1]), ARGV[2]) or nil)

if not s then
    return {'NOTFOUND'}
end
return {'OK', ARGV[2], s.query, s.owner, s.created, s.updated}
