-- Which Redis process this is. After a restart or a promotion it may lack what viewers have seen, so that the same version of
-- the same epoch could mean a different room.
local info = redis.pcall('INFO', 'server')
local this_run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
