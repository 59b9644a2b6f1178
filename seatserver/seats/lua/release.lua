-- Give back a hold, or some of its seats.
-- ARGV: hold_id, user, seats (csv; empty: all), and for some of its seats: expected (the csv that the hold has now, `none`
--       when it has none yet; empty: not checked), terms (for what is left), guards and judged as for hold
-- -> ['released', [seat, ...]] | ['stale', [seat, state, ...]] | ['pinned', until] | ['gone', status] | ['absent', since]
local held_id, user = ARGV[1], ARGV[2]
if not epoch then
  -- include: absent
end
local HOLD = base .. ':hold:' .. held_id
-- include: read_hold_briefly
-- include: living
if why and why ~= 'released' then return cmsgpack.pack({ 'gone', why }) end

local all, over, left, status = ARGV[3] == '', seats, '', 'released'
if why or not all then
  -- Seats that were given back before are confirmed once more; seats that were never in the hold are not.
  local chosen, is_left = {}, {}
  for seat in string.gmatch(ARGV[3], '%d+') do chosen[seat] = true end
  over, keys, numbers = {}, {}, {}
  for seat in string.gmatch(call('HGET', HOLD, 'first'), '%d+') do
    if all or chosen[seat] then numbers[#numbers + 1] = tonumber(seat) end
  end
  for at = 1, #seats do
    if chosen[seats[at]] then
      over[#over + 1], keys[#keys + 1] = seats[at], SEAT .. seats[at]
    else
      is_left[#is_left + 1] = seats[at]
    end
  end
  left = table.concat(is_left, ',')
end
if why then return cmsgpack.pack({ 'released', numbers }) end
-- While the booking is being written the seats stay put; the pin runs out by itself.
local pinned = tonumber(hold[7])
if pinned > now then return cmsgpack.pack({ 'pinned', pinned }) end
if not all and over[1] and ARGV[4] ~= '' then
  -- include: release_judged
end

if over[1] then
  -- Free memory first: then Redis lets the script go on although its memory is full.
  call('DEL', unpack(keys))
  -- include: let_go
  call('ZREM', base .. ':user:' .. user, unpack(over))
end
-- include: ended
notices[#notices + 1] = { 'holds', user, held_id, {} }
-- include: publish
return cmsgpack.pack({ 'released', numbers })
