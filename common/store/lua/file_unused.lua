#!lua flags=no-writes
-- May a chunk file be deleted? Yes: it is sent, or has no record and nobody could still add it.
-- KEYS    prefix
-- ARGV    id, index, attempt
-- RETURNS OK unused (1 | 0; 2: nobody knows the job, perhaps this is the wrong Redis)
-- REPEAT  reads only

local id, index, attempt = ARGV[1], ARGV[2], ARGV[3]
local j = job_load(id)

if not j then
    return {'OK', 2}
end
if j.status == 'REMOVED' then
    return {'OK', 1}
end
local r = record_get(id, index)
if r and r.attempt == attempt then
    return {'OK', r.sent and 1 or 0}
end
return {'OK', job_of_attempt(id, attempt) and 0 or 1}
