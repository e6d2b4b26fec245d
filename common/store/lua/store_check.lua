#!lua flags=allow-oom
-- The number of partitions, set by the first process that ever asked.
-- KEYS    prefix
-- ARGV    count
-- RETURNS OK count
-- REPEAT  the first value stays

call('SET', key('partitions'), ARGV[1], 'NX')
return {'OK', call('GET', key('partitions'))}
