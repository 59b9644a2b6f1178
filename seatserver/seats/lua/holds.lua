-- The living holds of one user, for a client that comes back. Changes nothing.
-- ARGV: user, total_ms
-- -> ['holds', [hold_id, [seat, ...], deadline, fence, terms, channel, asked, oldest, ...]] | ['absent', since]
local user, total = ARGV[1], tonumber(ARGV[2])
if not open_room() then return absent() end
local found, seen = {}, {}
for _, seat in ipairs(redis.call('ZRANGEBYSCORE', user_key(user), '(' .. now, '+inf')) do
  local owner = redis.call('HGET', OWNER, seat)
  local hold_id = owner and string.sub(owner, 1, 36)
  if hold_id and not seen[hold_id] then
    seen[hold_id] = true
    local hold = living_hold(hold_id, user)
    if hold then
      found[#found + 1] = hold_id
      found[#found + 1] = seat_numbers(hold.seats)
      found[#found + 1] = hold.deadline
      found[#found + 1] = tonumber(hold.fence)
      found[#found + 1] = hold.terms
      found[#found + 1] = hold.channel
      found[#found + 1] = hold.asked
      found[#found + 1] = hold.created + total
    end
  end
end
return answer('holds', found)
