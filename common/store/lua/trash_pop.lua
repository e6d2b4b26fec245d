#!lua flags=allow-oom
-- Takes the next file name of removed chunks of a spool.
-- KEYS    prefix
-- ARGV    spool
-- RETURNS OK name | NONE
-- REPEAT  names are hints: one that is lost is found by the rescan of the spool

local name = call('LPOP', key('trash', ARGV[1]))
if not name then
    return {'NONE'}
end
return {'OK', name}
