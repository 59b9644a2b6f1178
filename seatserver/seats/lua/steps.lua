-- What holds, bookings and the house do to seats, in pieces that the verbs share. Stands after remember.lua.

-- [epoch, from, version, now, soonest deadline set here or 0, [seat, state, ...], [[kind, user, hold_id, [seat, ...]], ...],
--  how late holds were ended or -1]
local function publish(room)
  if #changes == 0 and #notices == 0 then return end
  local from = room.version
  room.version = from + 1
  redis.call('HSET', META, 'version', room.version, 'fence', room.fence, 'clock', now)
  redis.call('PUBLISH', base .. ':feed',
    cmsgpack.pack({ room.epoch, from, room.version, now, soonest, changes, notices, late }))
end

-- Unlock a hold's seats. The caller sets the states that viewers see.
local function let_go(seats, owner)
  if #seats == 0 then return end
  local keys = {}
  for index, seat in ipairs(seats) do keys[index] = seat_key(seat) end
  redis.call('DEL', unpack(keys))
  redis.call('ZREM', DUE, unpack(seats))
  redis.call('HDEL', OWNER, unpack(seats))
  if owner then redis.call('ZREM', user_key(string.sub(owner, 37)), unpack(seats)) end
end

-- Take `gone` (a set of seats) out of the hold's own list, and count for its people how long they had them, except for the
-- `spared` seats, which they keep. If nothing is left, note how the hold ended.
local function shrink_hold(hold_id, gone, status, spared)
  local key = hold_key(hold_id)
  local record = redis.call('HMGET', key, 'seats', 'replay', 'people', 'since', 'carried', 'deadline')
  if not record[1] then return end
  local left, over = {}, {}
  for _, seat in ipairs(split(record[1])) do
    if not gone[seat] then
      left[#left + 1] = seat
    elseif not (spared and spared[seat]) then
      over[#over + 1] = seat
    end
  end
  local people = people_of(record[3])
  if people then
    remember(people, over, since_when(tonumber(record[4]), record[5]), math.min(now, tonumber(record[6])))
  end
  if #left > 0 then
    redis.call('HSET', key, 'seats', table.concat(left, ','))
  else
    redis.call('HSET', key, 'seats', '', 'status', status)
    redis.call('PEXPIRE', key, record[2])
  end
end

-- Note in `lost` that `owner` has lost a seat; nil: nobody has.
local function bereave(lost, owner, seat)
  if not owner then return end
  lost[owner] = lost[owner] or {}
  table.insert(lost[owner], seat)
end

-- Tell owners what they lost: `lost` maps owner -> list of seats. A hold that loses one seat to a booking, or to the house,
-- ends as a whole, so that nobody books less than what they chose.
local function notify(lost, kind)
  for owner, seats in pairs(lost) do
    local hold_id, user = string.sub(owner, 1, 36), string.sub(owner, 37)
    local gone = {}
    for _, seat in ipairs(seats) do gone[seat] = true end
    if kind ~= 'expired' then
      for _, seat in ipairs(split(redis.call('HGET', hold_key(hold_id), 'seats') or '')) do
        if not gone[seat] and redis.call('HGET', OWNER, seat) == owner then
          let_go({ seat }, owner)
          changed(seat, rest(seat))
          gone[seat] = true
          seats[#seats + 1] = seat
        end
      end
    end
    shrink_hold(hold_id, gone, kind)
    notices[#notices + 1] = { kind, user, hold_id, seat_numbers(seats) }
  end
end

-- End every hold whose deadline has passed, at most SWEEP_AT_ONCE seats.
local function expire()
  local lost, due = {}, redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'WITHSCORES', 'LIMIT', 0, SWEEP_AT_ONCE)
  if due[2] then late = now - tonumber(due[2]) end
  for index = 1, #due, 2 do
    local seat = due[index]
    local owner = redis.call('HGET', OWNER, seat)
    let_go({ seat }, owner)
    changed(seat, rest(seat))
    bereave(lost, owner, seat)
  end
  notify(lost, 'expired')
end

-- The hold, when it is alive, this user's, and every one of its seats is still locked by it; else nil and why not.
local function living_hold(hold_id, user)
  local fields = redis.call('HMGET', hold_key(hold_id),
    'user', 'seats', 'status', 'deadline', 'created', 'fence', 'pinned', 'replay', 'terms', 'channel', 'asked',
    'since', 'carried')
  if not fields[1] then return nil, 'unknown' end
  if fields[1] ~= user then return nil, 'not yours' end
  if fields[3] ~= 'live' then return nil, fields[3] end
  local hold = { seats = split(fields[2]), csv = fields[2], deadline = tonumber(fields[4]),
    created = tonumber(fields[5]), fence = fields[6], pinned = tonumber(fields[7]), replay = tonumber(fields[8]),
    terms = fields[9] or '', channel = fields[10] or '', asked = fields[11] or '',
    began = since_when(tonumber(fields[12] or fields[5]), fields[13]) }
  if hold.deadline <= now then return nil, 'expired' end
  for _, lock in ipairs(locks_of(hold.seats)) do
    if lock ~= hold_id .. '|' .. hold.fence then return nil, 'expired' end
  end
  return hold
end

-- What hold, extend and pin answer; `oldest` is when the hold reaches its total age, and no extension goes past that.
local function held_answer(hold, deadline, total)
  return answer('held', seat_numbers(hold.seats), deadline, tonumber(hold.fence), hold.terms, hold.channel, hold.asked,
    hold.created + total)
end

-- Let the list of a user's seats live at least this long. A minute is added, so that not every hold has to prolong it.
local function prolong_user_list(user, ms)
  if redis.call('PTTL', user_key(user)) < ms then redis.call('PEXPIRE', user_key(user), ms + 60000) end
end

-- Give a living hold a new deadline (ms), its seats' locks included. No seat changes, so no new version.
local function prolong(hold_id, user, hold, deadline)
  for _, seat in ipairs(hold.seats) do
    redis.call('PEXPIRE', seat_key(seat), deadline - now)
    redis.call('ZADD', DUE, deadline, seat)
    redis.call('ZADD', user_key(user), deadline, seat)
  end
  redis.call('HSET', hold_key(hold_id), 'deadline', deadline)
  redis.call('PEXPIRE', hold_key(hold_id), deadline - now + hold.replay)
  prolong_user_list(user, deadline - now + hold.replay)
end

-- Give a seat the state that its booking says (FREE: nobody's any more), whatever Redis believed. Returns the owner of a hold
-- that this ended.
local function decide(seat, state)
  local owner = redis.call('HGET', OWNER, seat)
  if state == FREE then
    -- A seat that is no longer in :taken was freed before, and somebody may hold it by now.
    if redis.call('HDEL', TAKEN, seat) == 1 and not owner then changed(seat, rest(seat)) end
    return nil
  end
  if owner then let_go({ seat }, owner) end
  redis.call('HSET', TAKEN, seat, state)
  changed(seat, state)
  return owner
end

-- Keep a seat for a channel (empty: blocked for everybody; false: no longer kept, open to all). Returns the owner of a hold
-- that this ended.
local function keep(seat, channel)
  local owner = redis.call('HGET', OWNER, seat)
  if channel then
    keeps = true
    redis.call('HSET', KEPT, seat, channel)
  else
    redis.call('HDEL', KEPT, seat)
  end
  if owner then
    local theirs = redis.call('HGET', hold_key(string.sub(owner, 1, 36)), 'channel') or ''
    if open_to(channel, theirs) then return nil end
    let_go({ seat }, owner)
  end
  if redis.call('HEXISTS', TAKEN, seat) == 0 then changed(seat, rest(seat)) end
  return owner
end

-- The room's own bookkeeping after :taken or :kept changed.
local function settle(pgseq)
  redis.call('HSET', META, 'pgseq', pgseq, 'taken', redis.call('HLEN', TAKEN), 'kept', redis.call('HLEN', KEPT))
  local left = redis.call('PTTL', META)
  -- They outlive :meta, so that sold seats never show as free because :taken has expired.
  if left > 0 then
    redis.call('PEXPIRE', TAKEN, left + 60000)
    redis.call('PEXPIRE', KEPT, left + 60000)
  end
end

-- Whether what the rules were judged by has changed. Returns the seats of `guards` (seat=1: was free, seat=0: was not) that no
-- longer are so, as a flat list of seat and state; and whether the room is not the one of `judged` (epoch:version; empty: any
-- room will do). `own` is the lock of seats that count as free.
local function differing(room, guards, judged, buyer, own)
  local names, was, found = {}, {}, {}
  for seat, free in string.gmatch(guards, '(%d+)=(%d)') do
    names[#names + 1] = seat
    was[#was + 1] = free == '1'
  end
  -- A big group may guard more seats than fit Lua's stack.
  for first = 1, #names, GUARDS_AT_ONCE do
    local some = { unpack(names, first, math.min(first + GUARDS_AT_ONCE - 1, #names)) }
    local taken, kept, locks = redis.call('HMGET', TAKEN, unpack(some)), kept_for(some), locks_of(some)
    for index, seat in ipairs(some) do
      local state = FREE
      if taken[index] then
        state = tonumber(taken[index])
      elseif locks[index] then
        state = locks[index] == own and FREE or HELD
      elseif not open_to(kept[index], buyer) then
        state = kept[index] == '' and BLOCKED or ALLOCATED
      end
      if (state == FREE) ~= was[first + index - 1] then
        found[#found + 1] = tonumber(seat)
        found[#found + 1] = state
      end
    end
  end
  local now_at = room.epoch .. ':' .. (room.version + ((#changes > 0 or #notices > 0) and 1 or 0))
  return found, judged ~= '' and judged ~= now_at
end
