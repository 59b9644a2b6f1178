-- The clock went back by `back` ms: it was set, or a failover changed to another server's. Without this, holds would last
-- that much longer.
local back = meta[6] - now
local due, holds = call('ZRANGE', DUE, 0, -1, 'WITHSCORES'), {}
for index = 1, #due, 2 do
  local seat, deadline = due[index], tonumber(due[index + 1]) - back
  local owner = call('HGET', OWNER, seat)
  call('ZADD', DUE, deadline, seat)
  call('PEXPIRE', SEAT .. seat, math.max(1, deadline - now))
  if owner then
    call('ZADD', base .. ':user:' .. string.sub(owner, 37), deadline, seat)
    holds[base .. ':hold:' .. string.sub(owner, 1, 36)] = true
  end
end
for key in pairs(holds) do
  local fields = call('HMGET', key, 'deadline', 'created', 'pinned', 'since')
  if fields[1] then
    if fields[4] then call('HSET', key, 'since', fields[4] - back) end
    call('HSET', key, 'deadline', fields[1] - back, 'created', fields[2] - back, 'pinned', math.max(0, fields[3] - back))
    call('PEXPIRE', key, math.max(1, call('PTTL', key) - back))
  end
end
-- Its times are by the other clock: we forget who had what, so that nobody is refused for hours by mistake.
call('DEL', PAST)
call('HSET', META, 'clock', now_text)
