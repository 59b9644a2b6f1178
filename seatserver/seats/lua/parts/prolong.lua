-- Give a living hold a new deadline (ms), its seats' locks included. No seat changes, so no new version.
local deadline_text, left, due = string.format('%.0f', deadline), string.format('%.0f', deadline - now), {}
for at = 1, #seats do
  call('PEXPIRE', keys[at], left)
  due[2 * at - 1], due[2 * at] = deadline_text, seats[at]
end
local USER, kept_ms = base .. ':user:' .. user, left + hold[8]
call('ZADD', DUE, unpack(due))
call('ZADD', USER, unpack(due))
call('HSET', HOLD, 'deadline', deadline_text)
call('PEXPIRE', HOLD, string.format('%.0f', kept_ms))
-- A minute is added, so that not every hold has to prolong it.
if call('PTTL', USER) < kept_ms then call('PEXPIRE', USER, string.format('%.0f', kept_ms + 60000)) end
