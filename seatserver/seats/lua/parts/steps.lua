-- What holds, bookings and the house do to seats, in pieces that verbs share. Included where holds end for another reason than
-- that their owner gave them back.

-- Unlock the held seats of a list. The caller sets the states that viewers see, and takes them off their users' lists.
local function unlock(seats)
  local keys = {}
  for at = 1, #seats do keys[at] = SEAT .. seats[at] end
  call('DEL', unpack(keys))
  call('ZREM', DUE, unpack(seats))
  call('HDEL', OWNER, unpack(seats))
end

-- Show seats as what they are when nobody holds them and nobody has booked them.
local function show_at_rest(over)
  if over[1] then
    -- include: at_rest
  end
end

-- Sort `seats` by their `owners`, false where a seat has none: the owners, in the order of their first seats, and their seats.
local function by_owner(seats, owners)
  local order, theirs = {}, {}
  for at = 1, #seats do
    local owner = owners[at]
    if owner then
      if not theirs[owner] then
        order[#order + 1], theirs[owner] = owner, {}
      end
      table.insert(theirs[owner], seats[at])
    end
  end
  return order, theirs
end

-- End the holds of seats that are somebody else's now, or nobody's: they are unlocked. All seats have owners or false.
local function take_from(seats, owners)
  local order, theirs = by_owner(seats, owners)
  for _, owner in ipairs(order) do
    unlock(theirs[owner])
    call('ZREM', base .. ':user:' .. string.sub(owner, 37), unpack(theirs[owner]))
  end
  return order, theirs
end

-- Take `over` out of the hold's own list. If nothing is left, note how the hold ended.
local function shrink_hold(held_id, over, status)
  local HOLD, gone, rest = base .. ':hold:' .. held_id, {}, {}
  -- include: read_hold_briefly
  if not hold[1] then return end
  for _, seat in ipairs(over) do gone[seat] = true end
  over = {}
  for seat in string.gmatch(hold[2], '%d+') do
    local list = gone[seat] and over or rest
    list[#list + 1] = seat
  end
  local left = table.concat(rest, ',')
  -- include: ended
end

-- Tell owners what they lost. A hold that loses one seat to a booking, or to the house, ends as a whole, so that nobody books less
-- than what they chose.
local function notify(order, theirs, kind)
  for _, owner in ipairs(order) do
    local held_id, user, seats, gone = string.sub(owner, 1, 36), string.sub(owner, 37), theirs[owner], {}
    if kind ~= 'expired' then
      local others, still = {}, {}
      for _, seat in ipairs(seats) do gone[seat] = true end
      for seat in string.gmatch(call('HGET', base .. ':hold:' .. held_id, 'seats') or '', '%d+') do
        if not gone[seat] then others[#others + 1] = seat end
      end
      if others[1] then
        for at, whose in ipairs(call('HMGET', OWNER, unpack(others))) do
          if whose == owner then
            still[#still + 1] = others[at]
            seats[#seats + 1] = others[at]
          end
        end
      end
      if still[1] then
        unlock(still)
        call('ZREM', base .. ':user:' .. user, unpack(still))
        show_at_rest(still)
      end
    end
    shrink_hold(held_id, seats, kind)
    local numbers = {}
    for at = 1, #seats do numbers[at] = tonumber(seats[at]) end
    notices[#notices + 1] = { kind, user, held_id, numbers }
  end
end

-- End every hold whose deadline has passed, at most SEATS_AT_ONCE seats.
local function expire()
  local due, seats = call('ZRANGEBYSCORE', DUE, '-inf', now_text, 'WITHSCORES', 'LIMIT', '0', SEATS_AT_ONCE), {}
  if not due[1] then return end
  late = now - tonumber(due[2])
  for index = 1, #due, 2 do seats[#seats + 1] = due[index] end
  local order, theirs = by_owner(seats, call('HMGET', OWNER, unpack(seats)))
  unlock(seats)
  for _, owner in ipairs(order) do call('ZREM', base .. ':user:' .. string.sub(owner, 37), unpack(theirs[owner])) end
  show_at_rest(seats)
  notify(order, theirs, 'expired')
end
