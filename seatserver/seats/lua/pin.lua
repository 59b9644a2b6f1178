-- Make sure that this user holds every seat of the hold, and keep it so while its booking is written.
-- ARGV: hold_id, user, checkout_ms, total_ms, latest (ms: the last deadline of any hold)
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['gone', status] | ['absent', since]
local hold_id, user, checkout, total = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local room = open_room()
if not room then return absent() end

local hold, why = living_hold(hold_id, user)
if not hold then return answer('gone', why) end
-- Past the hold's last deadline by one checkout at most, so that nobody keeps seats by pinning again and again.
local from = math.min(now, hold.created + total)
local pinned = math.min(from, tonumber(ARGV[5])) + checkout
-- If the end of the sale was moved to an earlier time, the first checkout still gets its whole time; later ones get no more.
pinned = math.max(pinned, hold.pinned == 0 and from + checkout or hold.pinned)
local deadline = math.max(hold.deadline, pinned)
if deadline > hold.deadline then prolong(hold_id, user, hold, deadline) end
redis.call('HSET', hold_key(hold_id), 'pinned', pinned)
return held_answer(hold, deadline, total)
