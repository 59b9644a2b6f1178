-- A hold is over for the seats `over`, and keeps those of `left` (csv; empty: none, and `status` says how it ended). Counts for its
-- people how long they had the seats. `hold` has its fields as `living.lua` reads them, HOLD is its key. What :past says of a seat is
-- told in `remember.lua`.
do
  local text, pause, memory, people = hold[11], nil, nil, nil
  if text and text ~= '' and over[1] then
    -- include: people
  end
  if pause then
    -- include: since_when
    local known, fields, packed = call('HMGET', PAST, unpack(over)), { nil, nil, nil, nil }, nil
    local at_ms = math.min(now, tonumber(hold[4]))
    for at = 1, #over do
      -- Seats that are always taken together have the same past.
      if not packed or longer or known[at] ~= known[at - 1] then
        local began, ended, claimed, list = since - (longer and longer[over[at]] or 0), 0, 0, {}
        local past = known[at] and cmsgpack.unpack(known[at])
        -- A seat that was free for the whole pause before the hold began has no past.
        if past and began - past[1] < pause then ended, claimed, list = past[1], past[2], past[4] end
        local ms = math.max(0, at_ms - began)
        -- include: charge
        packed = cmsgpack.pack({ math.max(ended, at_ms), claimed, text, list })
      end
      fields[2 * at - 1], fields[2 * at] = over[at], packed
    end
    call('HSET', PAST, unpack(fields))
    if call('PTTL', PAST) < memory then call('PEXPIRE', PAST, memory + 60000) end
  end
  if left == '' then
    call('HSET', HOLD, 'seats', '', 'status', status)
    call('PEXPIRE', HOLD, hold[8])
  else
    call('HSET', HOLD, 'seats', left)
  end
end
