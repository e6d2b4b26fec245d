#!lua flags=allow-oom
-- Stores a credential.
-- KEYS    prefix
-- ARGV    api_key, domain, secret (sealed), tables, read_only (1 | 0), expires, token_sha256
-- RETURNS OK
-- REPEAT  the same values are set again

call('HSET', key('cred', ARGV[1]), 'domain', ARGV[2], 'secret', ARGV[3], 'tables', ARGV[4],
    'read_only', ARGV[5], 'expires', ARGV[6], 'token', ARGV[7], 'created', NOW)
call('SET', key('token', ARGV[7]), ARGV[1])
call('SADD', key('creds'), ARGV[1])
return {'OK'}
