#!lua flags=no-writes
-- May the materialised result of a job be deleted? Not while its query may still be resumed.
-- KEYS    prefix
-- ARGV    id
-- RETURNS OK unused (1 | 0)
-- REPEAT  reads only

local j = job_load(ARGV[1])

-- Draining jobs keep it: chunk_adopt may send them back to the query.
if not j or j.phase == 'gone' or j.phase == 'done' then
    return {'OK', 1}
end
return {'OK', 0}
