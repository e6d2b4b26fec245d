#!lua flags=allow-oom
-- Shows the next multipart upload of removed chunks of a spool and puts it at the end of the list.
-- KEYS    prefix
-- ARGV    spool
-- RETURNS OK upload (JSON; goes to abort_done as it is) | NONE
-- REPEAT  nothing is lost: the upload comes round again until abort_done

local list = key('abort', ARGV[1])

for _ = 1, 100 do
    local text = call('LMOVE', list, list, 'LEFT', 'RIGHT')
    if not text then
        break
    end
    local a = parse(text)
    if a and num(a.at) > NOW - ABORT_MS then
        return {'OK', text}
    end
    call('RPOP', list)
end
return {'NONE'}
