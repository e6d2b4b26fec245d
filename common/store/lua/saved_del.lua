#!lua flags=allow-oom
-- Forgets a saved query.
-- KEYS    prefix
-- ARGV    domain, id
-- RETURNS OK | NOTFOUND
-- REPEAT  the second call finds none

return {call('HDEL', key('saved', ARGV[1]), ARGV[2]) == 1 and 'OK' or 'NOTFOUND'}
