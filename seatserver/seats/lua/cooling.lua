-- Say which of these seats would be refused to a user as `cooling`, for a search that only makes offers. Changes nothing.
-- ARGV: ttl_ms, total_ms, seats (csv), people (`seatserver.seats.holders`)
-- -> ['cooling', [seat, ...]] | ['absent', since]
local ttl, total, text, promised, pause, memory, people = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4], 0, nil, nil, nil
if not epoch then
  -- include: absent
end
-- include: people
local found, seats = {}, {}
for seat in string.gmatch(ARGV[3], '%d+') do seats[#seats + 1] = seat end
for at, packed in ipairs(call('HMGET', PAST, unpack(seats))) do
  if packed then
    local used, again
    -- include: had_it
    if is_worn then found[#found + 1] = tonumber(seats[at]) end
  end
end
return cmsgpack.pack({ 'cooling', found })
