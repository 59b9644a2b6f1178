-- Give back a hold, or some of its seats.
-- ARGV: hold_id, user, seats (csv; empty: all), and for some of its seats: expected (the csv that the hold has now, `none`
--       when it has none yet; empty: not checked), terms (for what is left), guards and judged as for hold
-- -> ['released', [seat, ...]] | ['stale', [seat, state, ...]] | ['pinned', until] | ['gone', status] | ['absent', since]
local hold_id, user, wanted = ARGV[1], ARGV[2], ARGV[3]

local room = open_room()
if not room then return absent() end

local hold, why = living_hold(hold_id, user)
if not hold and why ~= 'released' then return answer('gone', why) end

-- Seats that were given back before are confirmed once more; seats that were never in the hold are not.
local all, chosen, named, some = wanted == '', {}, {}, false
for _, seat in ipairs(split(wanted)) do chosen[seat] = true end
for _, seat in ipairs(hold and all and hold.seats or split(redis.call('HGET', hold_key(hold_id), 'first'))) do
  if all or chosen[seat] then named[#named + 1] = seat end
end
if not hold then return answer('released', seat_numbers(named)) end
-- While the booking is being written the seats stay put; the pin runs out by itself.
if hold.pinned > now then return answer('pinned', hold.pinned) end
for _, seat in ipairs(hold.seats) do some = some or chosen[seat] end
if not all and some and ARGV[4] ~= '' then
  -- The rules count the seats of expired holds as free, so those holds end here and everybody sees it.
  expire()
  local moved, room_moved = differing(room, ARGV[6], ARGV[7], hold.channel, hold_id .. '|' .. hold.fence)
  if hold.csv ~= ARGV[4] or #moved > 0 or room_moved then
    publish(room)
    return answer('stale', moved)
  end
  redis.call('HSET', hold_key(hold_id), 'terms', ARGV[5])
end

local gone, freed = {}, {}
for _, seat in ipairs(hold.seats) do
  if all or chosen[seat] then
    freed[#freed + 1] = seat
    changed(seat, rest(seat))
    gone[seat] = true
  end
end
let_go(freed, hold_id .. user)
shrink_hold(hold_id, gone, 'released')
notices[#notices + 1] = { 'holds', user, hold_id, {} }
publish(room)
return answer('released', seat_numbers(named))
