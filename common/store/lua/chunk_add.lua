#!lua flags=allow-oom
-- Accepts a finished file: current attempt, next index, start at the resume point.
-- KEYS    prefix
-- ARGV    id, attempt, index, start, end, bytes, content_bytes, last_event, file_sha256,
--         content_sha256, last_row_sha256, spool
-- RETURNS OK unsent | LOST | CONFLICT words
-- REPEAT  a record that is there already, equal in all, is answered OK and left as it is

local id, attempt, index = ARGV[1], ARGV[2], ARGV[3]
local first, last = num(ARGV[4]), num(ARGV[5])
local j = job_load(id)

if not j or j.status == 'REMOVED' then
    return {'LOST'}
end
local unsent = num(j.added) - num(j.nsent)
local r = record_get(id, index)
if r and r.attempt == attempt and r.start == first and r['end'] == last and
    r.content_sha256 == ARGV[10] and r.file_sha256 == ARGV[9] then
    return {'OK', unsent}
end
if not job_of_attempt(id, attempt) then
    return {'LOST'}
end
if num(index) ~= num(j.next_index) then
    return {'CONFLICT', 'file ' .. index .. ' is not the next one, which is ' .. j.next_index}
end
if first ~= num(j.resume_rows) then
    return {'CONFLICT', 'rows from ' .. first .. ' do not follow the ' .. num(j.resume_rows) ..
        ' rows sealed'}
end
if last < first or (last == first and num(index) ~= 1) then
    return {'CONFLICT', 'no rows in file ' .. index}
end

call('HSET', key('files', id), index, cjson.encode({attempt = attempt, start = first,
    ['end'] = last, bytes = num(ARGV[6]), content_bytes = num(ARGV[7]), last_event = num(ARGV[8]),
    file_sha256 = ARGV[9], content_sha256 = ARGV[10], last_row_sha256 = ARGV[11],
    spool = ARGV[12]}))
call('HSET', key('job', id), 'next_index', num(index) + 1, 'resume_rows', last, 'generated',
    math.max(num(j.generated), last), 'last_event', math.max(num(j.last_event), num(ARGV[8])),
    'attempts', 0, 'sealed', 1, 'history', '[]')
if last > first then
    call('HSET', key('job', id), 'resume_hash', ARGV[11])
end
call('HINCRBY', key('job', id), 'added', 1)
changed(id, j)
local u = {state = 'held', spool = ARGV[12], token = '', tries = 0, first_try = 0}
if j.held == '1' then
    up_set(id, index, u)
else
    up_offer(id, index, u)
end
return {'OK', unsent + 1}
