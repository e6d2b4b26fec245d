#!lua flags=no-writes
-- One job as people see it, with its newest paths.
-- KEYS    prefix
-- ARGV    domain, id, paths_max
-- RETURNS OK view | NOTFOUND (unknown, removed, or another domain's)
-- REPEAT  reads only

local j = call('HMGET', key('job', ARGV[2]), 'domain', 'phase')

if j[1] ~= ARGV[1] or j[2] == 'gone' then
    return {'NOTFOUND'}
end
return {'OK', job_view(ARGV[2], num(ARGV[3]))}
