-- Say which of these seats would be refused to a user as `cooling`, for a search that only makes offers. Changes nothing.
-- ARGV: ttl_ms, total_ms, seats (csv), people (`seatserver.seats.holders`)
-- -> ['cooling', [seat, ...]] | ['absent', since]
local ttl, total, seats, people = tonumber(ARGV[1]), tonumber(ARGV[2]), split(ARGV[3]), people_of(ARGV[4])
if not open_room() then return absent() end
local found, past = {}, redis.call('HMGET', PAST, unpack(seats))
for index, seat in ipairs(seats) do
  local used = past[index] and had_it(past[index], people, now) or 0
  if is_worn(used, total, ttl, 0) then found[#found + 1] = seat end
end
return answer('cooling', seat_numbers(found))
