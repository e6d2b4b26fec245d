#!lua flags=no-writes
-- Spec and sealed secrets of a job.
-- KEYS    prefix
-- ARGV    domain, id
-- RETURNS OK spec secrets | NOTFOUND
-- REPEAT  reads only

local v = call('HMGET', key('job', ARGV[2]), 'domain', 'phase', 'spec', 'secrets')

if v[1] ~= ARGV[1] or v[2] == 'gone' then
    return {'NOTFOUND'}
end
return {'OK', v[3] or '', v[4] or ''}
