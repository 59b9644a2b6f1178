-- Apply one change that a booking committed in Postgres to the room, in the order of its sequence.
-- ARGV: seq, state, booking_id, user, seats (csv)
-- -> ['applied', pgseq] | ['gap', pgseq] | ['absent', since]
local seq, state, booking_id, user = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
if not epoch then
  -- include: absent
end
-- include: in_order
-- include: steps
-- include: remember
-- include: bookings

local seats, numbers = {}, {}
for seat in string.gmatch(ARGV[5], '%d+') do
  seats[#seats + 1], numbers[#numbers + 1] = seat, tonumber(seat)
end
local order, theirs = decide(seats, state)
local lost = {}
for _, owner in ipairs(order) do
  if string.sub(owner, 1, 36) ~= booking_id then lost[#lost + 1] = owner end
end
if state ~= FREE then shrink_hold(booking_id, seats, 'booked') end
remember_booking(seats, state, state == CLAIMED and call('HGET', base .. ':hold:' .. booking_id, 'people'))
notify(lost, theirs, 'sold')
notices[#notices + 1] = { 'booking', user, booking_id, numbers }
settle(seq)
-- include: publish
return cmsgpack.pack({ 'applied', seq })
