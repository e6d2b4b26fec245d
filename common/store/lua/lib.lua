-- Shared by all scripts: put behind the shebang line of each when it is loaded (store_scripts.c).
-- Keys, fields and states are those of PROTOCOL.md; change both together.

local P = KEYS[1]
local call = redis.call
local TIME = call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local NOW_US = TIME[1] * 1000000 + TIME[2]

local WAKE_MAX = 100
local TRASH_MAX = 10000
local ABORT_MAX = 10000
local ABORT_MS = 86400000
local ERRORS_MAX = 20
local HISTORY_MAX = 5
local TOMBSTONE_MS = 86400000

-- The one place that builds keys.
local function key(kind, ...)
    return P .. table.concat({kind, ...}, ':')
end

local function num(v)
    return tonumber(v) or 0
end

local function parse(text)
    local ok, v = pcall(cjson.decode, text or '')
    if ok and type(v) == 'table' then
        return v
    end
    return nil
end

-- --- states ---------------------------------------------------------------------------------

-- "event from > to", a string because building a table would cost on each call of a script.
local MOVES = [[

claim run/queued/CREATED > run/running/RUNNING
claim run/queued/RUNNING > run/running/RUNNING
claim run/queued/RECONNECTING > run/running/RUNNING
claim run/queued/PAUSED > run/running/RUNNING
end run/running/RUNNING > run/draining/RUNNING
end stop/running/STOPPED > stop/draining/STOPPED
complete run/running/RUNNING > run/done/COMPLETED
complete stop/running/STOPPED > run/done/COMPLETED
complete run/draining/RUNNING > run/done/COMPLETED
complete stop/draining/STOPPED > run/done/COMPLETED
stop run/queued/CREATED > stop/idle/STOPPED
stop run/queued/RUNNING > stop/idle/STOPPED
stop run/queued/RECONNECTING > stop/idle/STOPPED
stop run/queued/PAUSED > stop/idle/STOPPED
stop run/running/RUNNING > stop/running/STOPPED
stop run/draining/RUNNING > stop/draining/STOPPED
start stop/idle/STOPPED > run/queued/RUNNING
start stop/running/STOPPED > run/running/RUNNING
start stop/draining/STOPPED > run/draining/RUNNING
release run/running/RUNNING > run/queued/RUNNING
release stop/running/STOPPED > stop/idle/STOPPED
drain run/running/RUNNING > run/queued/PAUSED
drain stop/running/STOPPED > stop/idle/STOPPED
lose run/running/RUNNING > run/queued/RECONNECTING
lose stop/running/STOPPED > stop/idle/STOPPED
fail run/running/RUNNING > stop/idle/STOPPED
fail stop/running/STOPPED > stop/idle/STOPPED
hold run/queued/CREATED > stop/idle/STOPPED
hold run/queued/RUNNING > stop/idle/STOPPED
hold run/queued/RECONNECTING > stop/idle/STOPPED
hold run/queued/PAUSED > stop/idle/STOPPED
hold run/running/RUNNING > stop/running/STOPPED
hold run/draining/RUNNING > stop/draining/STOPPED
hold stop/idle/STOPPED > stop/idle/STOPPED
hold stop/running/STOPPED > stop/running/STOPPED
hold stop/draining/STOPPED > stop/draining/STOPPED
rewind run/running/RUNNING > run/queued/RECONNECTING
rewind run/draining/RUNNING > run/queued/RECONNECTING
rewind stop/running/STOPPED > stop/idle/STOPPED
rewind stop/draining/STOPPED > stop/idle/STOPPED
]]

local function next_state(j, event)
    local from = j.desired .. '/' .. j.phase .. '/' .. j.status
    if event == 'remove' then
        return j.phase ~= 'gone' and 'remove/gone/REMOVED' or nil
    end
    local _, e = string.find(MOVES, '\n' .. event .. ' ' .. from .. ' > ', 1, true)
    return e and string.match(MOVES, '^[^\n]+', e + 1) or nil
end

-- Something that a reader can see is another now.
local function changed(id, j)
    call('HINCRBY', key('job', id), 'version', 1)
    call('PUBLISH', key('ev', j.domain), id .. ' ' .. j.status)
end

-- The only writer of desired, phase and status. Callers have asked next_state before their first
-- write where the event may be illegal.
local function set_state(id, j, event)
    local to = next_state(j, event)
    if not to then
        error({err = 'BUG transition ' .. event .. ' from ' .. j.desired .. '/' .. j.phase .. '/' ..
            j.status})
    end
    j.desired, j.phase, j.status = string.match(to, '^(%a+)/(%a+)/(%a+)$')
    call('HSET', key('job', id), 'desired', j.desired, 'phase', j.phase, 'status', j.status)
    changed(id, j)
end

-- --- reading a job ----------------------------------------------------------------------------

local LOADED = {'domain', 'desired', 'phase', 'status', 'attempt', 'worker', 'engine', 'kind',
    'priority', 'type', 'name', 'sealed', 'attempts', 'history', 'held', 'added',
    'nsent', 'next_index', 'resume_rows', 'rows', 'generated', 'last_event', 'result'}

-- The fields that decide, '' where missing; nil: no such job.
local function job_load(id)
    local v = call('HMGET', key('job', id), unpack(LOADED))
    local j = {}
    if not v[1] then
        return nil
    end
    for i, name in ipairs(LOADED) do
        j[name] = v[i] or ''
    end
    return j
end

-- A job that the attempt may write to; nil: LOST.
local function job_of_attempt(id, attempt)
    local j = job_load(id)
    if not j or attempt == '' or j.attempt ~= attempt or j.phase ~= 'running' then
        return nil
    end
    return j
end

-- What people see; the order is that of store_reply_job.c.
local VIEW = {'id', 'domain', 'owner', 'cid', 'type', 'name', 'query', 'table', 'status',
    'generated', 'sent', 'last_event', 'created', 'started', 'ended', 'bytes_sent', 'added',
    'nsent', 'version', 'errors', 'rows', 'phase', 'ordered'}

local function query_ended(phase)
    return phase == 'draining' or phase == 'done'
end

-- Until the query has ended, a resumed run of an unordered one could still replace files.
local function shows_paths(phase, ordered)
    return ordered ~= '0' or query_ended(phase)
end

local function job_view(id, paths_max)
    local v = call('HMGET', key('job', id), unpack(VIEW))
    local n = #VIEW
    local phase, ordered = v[n - 1], v[n]
    for i = 1, n do
        v[i] = v[i] or ''
    end
    v[n - 1] = 0
    v[n] = {}
    v[n + 1] = query_ended(phase) and 1 or 0
    if shows_paths(phase, ordered) then
        v[n - 1] = call('ZCARD', key('paths', id))
        v[n] = call('ZRANGE', key('paths', id), -paths_max, -1)
    end
    return v
end

-- --- queue, ring, slots -----------------------------------------------------------------------

local function wake(what)
    if call('LLEN', key('wake', what)) < WAKE_MAX then
        call('RPUSH', key('wake', what), '1')
    end
end

local function turn()
    return call('INCR', key('turn'))
end

-- Priority, then age in us; in front of all: jobs that were handed back.
local function queue_job(id, j, front)
    local age = num(call('ZSCORE', key('jobs', j.domain), id))
    local score = age + (front and -1e16 or num(j.priority) * 4e15)
    call('ZADD', key('queue', j.engine, j.kind, j.domain), score, id)
    call('ZADD', key('ring', j.engine, j.kind), 'NX', turn(), j.domain)
    wake('job:' .. j.engine .. ':' .. j.kind)
end

local function unqueue_job(id, j)
    call('ZREM', key('queue', j.engine, j.kind, j.domain), id)
    call('ZREM', key('delayed'), 'j:' .. id)
end

-- The attempt is over: its lease, its slot and (unless keep) its right to write.
local function end_attempt(id, j, keep)
    call('ZREM', key('lease'), 'j:' .. id)
    if call('SREM', key('running', j.domain), id) == 1 then
        for _, ring in ipairs(call('SMEMBERS', key('parked', j.domain))) do
            call('ZADD', key('ring', ring), 'NX', turn(), j.domain)
            wake('job:' .. ring)
        end
        call('DEL', key('parked', j.domain))
    end
    if not keep then
        call('HSET', key('job', id), 'attempt', '')
    end
end

-- --- errors, ends -----------------------------------------------------------------------------

local function errors_add(id, words)
    local list = parse(call('HGET', key('job', id), 'errors') or '[]') or {}
    for _, w in ipairs(words) do
        list[#list + 1] = w
    end
    while #list > ERRORS_MAX do
        table.remove(list, 1)
    end
    if #list > 0 then
        call('HSET', key('job', id), 'errors', cjson.encode(list))
    end
end

-- Counts an attempt that sealed nothing; true: it was the last that the job had.
local function count_attempt(id, j, words, attempts_max)
    local n, list = num(j.attempts), parse(j.history) or {}
    if j.sealed ~= '1' then
        n = n + 1
    end
    list[#list + 1] = 'attempt on ' .. j.worker .. ': ' .. words
    while #list > HISTORY_MAX do
        table.remove(list, 1)
    end
    j.attempts, j.history = n, cjson.encode(list)
    call('HSET', key('job', id), 'attempts', n, 'history', j.history)
    return n >= attempts_max
end

local function mark_ended(id, j)
    call('HSET', key('job', id), 'ended', NOW)
    call('ZADD', key('expire'), NOW, id)
    call('ZADD', key('done', j.domain), NOW_US, id)
    call('SADD', key('trim'), j.domain)
    if j.status == 'STOPPED' then
        call('ZADD', key('wipe'), NOW, id)
    else
        call('ZREM', key('wipe'), id)
    end
end

local function unmark_ended(id, j)
    call('HDEL', key('job', id), 'ended')
    call('ZREM', key('expire'), id)
    call('ZREM', key('done', j.domain), id)
    call('ZREM', key('wipe'), id)
end

local function free_name(id, j)
    if call('GET', key('name', j.domain, j.name)) == id then
        call('DEL', key('name', j.domain, j.name))
    end
end

-- All objects are confirmed and the query has ended.
local function complete(id, j)
    set_state(id, j, 'complete')
    mark_ended(id, j)
    free_name(id, j)
    call('HDEL', key('job', id), 'secrets', 'history', 'held')
    call('DEL', key('snap', id), key('up', id))
end

-- A lease ran out, or a try failed for now. delay_ms nil: queued at once, in front.
local function lose(id, j, words, attempts_max, delay_ms)
    local last = j.desired == 'run' and count_attempt(id, j, words, attempts_max)
    end_attempt(id, j)
    if last then
        set_state(id, j, 'fail')
        errors_add(id, {'given up after ' .. j.attempts .. ' attempts that finished no file'})
        errors_add(id, parse(j.history) or {})
        mark_ended(id, j)
        return
    end
    set_state(id, j, 'lose')
    if j.phase ~= 'queued' then
        return
    end
    if delay_ms then
        call('ZADD', key('delayed'), NOW + delay_ms, 'j:' .. id)
    else
        queue_job(id, j, true)
    end
end

-- --- chunks -----------------------------------------------------------------------------------

local function up_get(id, index)
    return parse(call('HGET', key('up', id), index) or nil)
end

local function up_set(id, index, u)
    call('HSET', key('up', id), index, cjson.encode(u))
end

local function record_get(id, index)
    return parse(call('HGET', key('files', id), index) or nil)
end

-- Upload state of a chunk that this token holds; nil: LOST.
local function up_of_token(id, index, token)
    local u = up_get(id, index)
    if not u or token == '' or u.state ~= 'claimed' or u.token ~= token then
        return nil
    end
    return u
end

-- Takes a chunk out of queue, lease and delay.
local function up_withdraw(id, index, u)
    call('ZREM', key('pend', u.spool, id), index)
    call('ZREM', key('lease'), 'c:' .. id .. ':' .. index)
    call('ZREM', key('delayed'), 'c:' .. id .. ':' .. index)
    u.token = ''
end

local function up_hold(id, index, u)
    up_withdraw(id, index, u)
    u.state = 'held'
    up_set(id, index, u)
end

local function up_offer(id, index, u)
    up_withdraw(id, index, u)
    u.state = 'pending'
    up_set(id, index, u)
    call('ZADD', key('pend', u.spool, id), index, index)
    call('ZADD', key('upload', u.spool), 'NX', turn(), id)
    wake('upload:' .. u.spool)
end

-- Every unsent chunk from this index on: fn(index, upload state).
local function up_each(id, first, fn)
    local all = call('HGETALL', key('up', id))
    for i = 1, #all, 2 do
        local u = parse(all[i + 1])
        if u and num(all[i]) >= first then
            fn(all[i], u)
        end
    end
end

-- A multipart upload of a chunk that is no more: all that its abort needs.
local function abort_add(id, index, u)
    local list = key('abort', u.spool)
    if (u.upload_id or '') == '' or call('LLEN', list) >= ABORT_MAX then
        return
    end
    local v = call('HMGET', key('job', id), 'domain', 'spec', 'secrets')
    call('RPUSH', list, cjson.encode({job = id, index = num(index), upload_id = u.upload_id,
        domain = v[1] or '', spec = v[2] or '', secrets = v[3] or nil, at = NOW}))
    call('PEXPIRE', list, ABORT_MS)
end

-- Forgets unsent chunks from this index on; their files are for the uploader to delete.
local function up_drop(id, first)
    local dropped = 0
    up_each(id, first, function(index, u)
        local r = record_get(id, index)
        abort_add(id, index, u)
        up_withdraw(id, index, u)
        call('HDEL', key('up', id), index)
        call('HDEL', key('files', id), index)
        if r and call('LLEN', key('trash', u.spool)) < TRASH_MAX then
            call('RPUSH', key('trash', u.spool), id .. '.' .. index .. '.' .. r.attempt)
        end
        if call('ZCARD', key('pend', u.spool, id)) == 0 then
            call('ZREM', key('upload', u.spool), id)
        end
        wake('upload:' .. u.spool)
        dropped = dropped + 1
    end)
    return dropped
end

-- The chunk's object is confirmed: record and counters.
local function chunk_sent(id, j, index, u, r, path, verified)
    up_withdraw(id, index, u)
    r.sent, r.path, r.verified = NOW, path, tonumber(verified)
    call('HSET', key('files', id), index, cjson.encode(r))
    call('HDEL', key('up', id), index)
    call('ZADD', key('paths', id), index, path)
    call('HINCRBY', key('job', id), 'sent', r['end'] - r.start)
    call('HINCRBY', key('job', id), 'bytes_sent', r.bytes)
    call('HINCRBY', key('job', id), 'nsent', 1)
    changed(id, j)
end

-- All traces of a job but its hash.
local function drop_job(id, j)
    unqueue_job(id, j)
    end_attempt(id, j)
    up_drop(id, 0)
    free_name(id, j)
    unmark_ended(id, j)
    call('ZREM', key('jobs', j.domain), id)
    call('UNLINK', key('files', id), key('up', id), key('paths', id), key('snap', id))
end
