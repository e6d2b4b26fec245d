#!lua flags=allow-oom
-- The object of this chunk is there already, ours, with another end: it wins.
-- KEYS    prefix
-- ARGV    id, index, token, end, content_sha256, last_row_sha256, path
-- RETURNS OK | LOST | CONFLICT words
-- REPEAT  the record keeps the token: its second call finds the chunk sent

local id, index, token, last = ARGV[1], ARGV[2], ARGV[3], num(ARGV[4])
local j, r = job_load(id), record_get(id, index)

if not j or j.status == 'REMOVED' or not r then
    return {'LOST'}
end
if r.sent then
    return {r.token == token and 'OK' or 'LOST'}
end
local u = up_of_token(id, index, token)
if not u then
    return {'LOST'}
end
if last < r.start then
    return {'CONFLICT', 'the object ends at row ' .. last .. ', before file ' .. index .. ' starts'}
end
local after = num(index) + 1
for i = after, num(j.next_index) - 1 do
    local later = record_get(id, i)
    if later and later.sent then
        return {'CONFLICT', 'file ' .. i .. ' is confirmed already'}
    end
end

local same = last == r['end']
r.token, r['end'], r.content_sha256, r.last_row_sha256, r.adopted = token, last, ARGV[5], ARGV[6], 1
chunk_sent(id, j, index, u, r, ARGV[7], 1)
j.nsent = num(j.nsent) + 1
if not same then
    j.added = num(j.added) - up_drop(id, after)
    call('HSET', key('job', id), 'added', j.added, 'next_index', after, 'resume_rows', last,
        'resume_hash', ARGV[6], 'generated', math.max(num(j.generated), last))
    -- A query that had ended exactly there has nothing left to do.
    local whole = j.phase == 'draining' and last == num(j.rows)
    if not whole and next_state(j, 'rewind') then
        end_attempt(id, j)
        call('HDEL', key('job', id), 'rows')
        set_state(id, j, 'rewind')
        if j.phase == 'queued' then
            queue_job(id, j, true)
        end
    end
end
if j.phase == 'draining' and num(j.nsent) == num(j.added) then
    complete(id, j)
end
return {'OK'}
