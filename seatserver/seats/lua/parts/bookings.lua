-- What bookings and the house do to seats, and the room's count of it. Needs steps.lua.

local was_kept = kept_count

-- Give seats the state that their booking says (FREE: nobody's any more), whatever Redis believed. Returns the owners of holds
-- that this ended, and what they lost.
local function decide(seats, state)
  local lost, theirs = {}, {}
  for first = 1, #seats, SEATS_AT_ONCE do
    local some = { unpack(seats, first, math.min(first + SEATS_AT_ONCE - 1, #seats)) }
    local owners = call('HMGET', OWNER, unpack(some))
    if state == FREE then
      -- A seat that is no longer in :taken was freed before, and somebody may hold it by now.
      local was, over = call('HMGET', TAKEN, unpack(some)), {}
      for at = 1, #some do
        if was[at] and not owners[at] then over[#over + 1] = some[at] end
      end
      call('HDEL', TAKEN, unpack(some))
      show_at_rest(over)
    else
      local text, states, order, of_owner = tostring(state), {}, take_from(some, owners)
      for _, owner in ipairs(order) do
        if not theirs[owner] then
          lost[#lost + 1], theirs[owner] = owner, {}
        end
        for _, seat in ipairs(of_owner[owner]) do table.insert(theirs[owner], seat) end
      end
      for at = 1, #some do
        states[2 * at - 1], states[2 * at] = some[at], text
        changes[#changes + 1], changes[#changes + 2] = tonumber(some[at]), state
      end
      call('HSET', TAKEN, unpack(states))
    end
  end
  return lost, theirs
end

-- Keep seats for a channel (empty: blocked for everybody; false: no longer kept, open to all). Returns the owners of holds that
-- this ended, and what they lost.
local function keep(seats, channel)
  local lost, theirs, channel_of = {}, {}, {}
  for first = 1, #seats, SEATS_AT_ONCE do
    local some = { unpack(seats, first, math.min(first + SEATS_AT_ONCE - 1, #seats)) }
    local owners, was_taken, over, fields = call('HMGET', OWNER, unpack(some)), call('HMGET', TAKEN, unpack(some)), {}, {}
    if channel then
      for at = 1, #some do fields[2 * at - 1], fields[2 * at] = some[at], channel end
      call('HSET', KEPT, unpack(fields))
      kept_count = math.max(1, kept_count)
    else
      call('HDEL', KEPT, unpack(some))
    end
    for at = 1, #some do
      local owner = owners[at]
      if owner and not channel_of[owner] then
        channel_of[owner] = call('HGET', base .. ':hold:' .. string.sub(owner, 1, 36), 'channel') or ''
      end
      -- A hold of this very channel goes on.
      local goes_on = owner and (not channel or (channel ~= '' and channel == channel_of[owner]))
      if goes_on then owners[at] = false end
      if not goes_on and not was_taken[at] then over[#over + 1] = some[at] end
    end
    local order, of_owner = take_from(some, owners)
    for _, owner in ipairs(order) do
      if not theirs[owner] then
        lost[#lost + 1], theirs[owner] = owner, {}
      end
      for _, seat in ipairs(of_owner[owner]) do table.insert(theirs[owner], seat) end
    end
    show_at_rest(over)
  end
  return lost, theirs
end

-- The room's own bookkeeping after :taken or :kept changed. Unless the room's own end has changed too (`anew`), what was there
-- before knows already when it has to go.
local function settle(pgseq, anew)
  local taken_now, kept_now = call('HLEN', TAKEN), call('HLEN', KEPT)
  call('HSET', META, 'pgseq', pgseq, 'taken', taken_now, 'kept', kept_now)
  local expires_taken, expires_kept = anew or taken_count == 0, anew or was_kept == 0
  if not (expires_taken and taken_now > 0) and not (expires_kept and kept_now > 0) then return end
  local left = call('PTTL', META)
  -- They outlive :meta, so that sold seats never show as free because :taken has expired.
  if left > 0 then
    if expires_taken then call('PEXPIRE', TAKEN, left + 60000) end
    if expires_kept then call('PEXPIRE', KEPT, left + 60000) end
  end
end
