-- End the holds whose time is over, punctually. Says how long until the next one is due.
-- ARGV: none
-- -> ['swept', freed, ms until the next deadline or -1] | ['absent', since]
local room = open_room()
if not room then return absent() end
expire()
local freed = #changes / 2
publish(room)
local next_due = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
-- While something is held, the room is never far behind the clock: a step back is noticed, however long nothing changes.
if next_due[2] then redis.call('HSET', META, 'clock', now) end
return answer('swept', freed, next_due[2] and math.max(0, tonumber(next_due[2]) - now) or -1)
