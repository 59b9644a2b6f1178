-- Apply one change that a booking committed in Postgres to the room, in the order of its sequence.
-- ARGV: seq, state, booking_id, user, seats (csv)
-- -> ['applied', pgseq] | ['gap', pgseq] | ['absent', since]
local seq, state, booking_id, user = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

local room = open_room()
if not room then return absent() end
if seq <= room.pgseq then return answer('applied', room.pgseq) end
if seq > room.pgseq + 1 then return answer('gap', room.pgseq) end

local seats, lost, own = split(ARGV[5]), {}, {}
for _, seat in ipairs(seats) do
  local owner = decide(seat, state)
  if owner and string.sub(owner, 1, 36) ~= booking_id then bereave(lost, owner, seat) end
  own[seat] = true
end
if state ~= FREE then shrink_hold(booking_id, own, 'booked') end
remember_booking(seats, state, redis.call('HGET', hold_key(booking_id), 'people'))
notify(lost, 'sold')
notices[#notices + 1] = { 'booking', user, booking_id, seat_numbers(seats) }
settle(seq)
publish(room)
return answer('applied', seq)
