#!lua flags=allow-oom
-- A multipart upload of abort_next is aborted, or never can be.
-- KEYS    prefix
-- ARGV    spool, upload (as it came)
-- RETURNS OK
-- REPEAT  it is not there any more

call('LREM', key('abort', ARGV[1]), 1, ARGV[2])
return {'OK'}
