-- Ask for more time, up to a total age and not past `latest`.
-- ARGV: hold_id, user, ttl_ms, total_ms, latest (ms)
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['gone', status] | ['absent', since]
local hold_id, user, ttl, total = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])

local room = open_room()
if not room then return absent() end

local hold, why = living_hold(hold_id, user)
if not hold then return answer('gone', why) end
local deadline = math.max(hold.deadline, math.min(now + ttl, hold.created + total, tonumber(ARGV[5])))
if deadline > hold.deadline then prolong(hold_id, user, hold, deadline) end
return held_answer(hold, deadline, total)
