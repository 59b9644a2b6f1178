-- End the holds whose deadline has passed, and say how long it is until the next one is due.
-- ARGV: none
-- -> ['swept', freed, ms until the next deadline or -1] | ['absent', since]
local room = open_room()
if not room then return absent() end
expire()
local freed = #changes / 2
publish(room)
local next_due = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
-- While something is held, each sweep notes the time, so that a step back of the clock is noticed even if nothing changes.
if next_due[2] then redis.call('HSET', META, 'clock', now) end
return answer('swept', freed, next_due[2] and math.max(0, tonumber(next_due[2]) - now) or -1)
