-- The places of an area are all alike: take the first free ones from `start` on, going around once. Those that these people
-- have had before are taken only if there are not enough others.
local PLACES_AT_ONCE = 400
reasons, cooling, others = reasons or {}, cooling or {}, {}
for first, last, start, wanted in string.gmatch(ARGV[10], '(%d+)-(%d+)@(%d+)=(%d+)') do
  first, last, start, wanted = tonumber(first), tonumber(last), tonumber(start), tonumber(wanted)
  local size, seen, at_once, got, worn, had_for, cool = last - first + 1, 0, math.min(wanted, PLACES_AT_ONCE), {}, {}, {}, {}
  while seen < size and #got < wanted do
    local names, keys, count = {}, {}, 0
    while count < at_once and seen < size do
      count = count + 1
      names[count] = string.format('%d', first + (start - first + seen) % size)
      keys[count] = SEAT .. names[count]
      seen = seen + 1
    end
    -- Where many are gone it is worth reading more at once.
    at_once = math.min(4 * at_once, PLACES_AT_ONCE)
    -- include: seats_are
    local past = text ~= '' and call('HMGET', PAST, unpack(names)) or {}
    for at = 1, count do
      -- include: obstacle
      if why == 'cooling' then
        cool[#cool + 1] = again
      elseif not why and used > 0 then
        worn[#worn + 1], had_for[names[at]] = names[at], used
      elseif not why and #got < wanted then
        got[#got + 1] = names[at]
      end
    end
  end
  for _, place in ipairs(worn) do
    if #got < wanted then got[#got + 1] = place end
  end
  if #got < wanted then
    local place = string.format('%d', first)
    others[#others + 1] = place
    table.sort(cool)
    -- When enough of the cooling places have cooled off to fill what is missing.
    cooling[place] = cool[wanted - #got]
    reasons[place] = cooling[place] and 'cooling' or 'full'
  end
  for _, place in ipairs(got) do
    chosen = chosen + 1
    names[chosen], keys[chosen] = place, SEAT .. place
    created = math.min(created, now - (had_for[place] or 0))
  end
end
