#!lua
-- Stores a query of a domain under its id, over the one that is there. Refused when Redis is full.
-- KEYS    prefix
-- ARGV    domain, id, query, owner, count_max
-- RETURNS OK | FULL words limit
-- REPEAT  the same value is set again

local domain, id, count_max = ARGV[1], ARGV[2], num(ARGV[5])
local old = parse(call('HGET', key('saved', domain), id) or nil)

if not old and call('HLEN', key('saved', domain)) >= count_max then
    return {'FULL', 'the domain has ' .. count_max .. ' saved queries, which is its limit',
        'saved queries'}
end
call('HSET', key('saved', domain), id, cjson.encode({query = ARGV[3], owner = ARGV[4],
    created = old and old.created or NOW, updated = NOW}))
return {'OK'}
