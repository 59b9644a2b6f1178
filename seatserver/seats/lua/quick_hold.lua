-- The quick way through hold.lua, for what nearly every hold is: seats by number, in place of no other hold, with nothing due
-- in the room. Stands before prelude.lua, so that none of its functions has to be made first. `quick_hold` returns
-- nil, with nothing written, for whatever needs the long way. Both ways do and answer the same:
-- `tests/integration/test_store_quick.py` compares them.

local function quick_hold()
  local call, base, hold_id, user, channel, people = redis.call, KEYS[1], ARGV[1], ARGV[2], ARGV[3], people_of(ARGV[18])
  local META, TAKEN, KEPT, PAST, DUE = base .. ':meta', base .. ':taken', base .. ':kept', base .. ':past', base .. ':due'
  local HOLD, USER, SEAT = base .. ':hold:' .. hold_id, base .. ':user:' .. user, base .. ':seat:'
  local areas, ruled, judged, replaces, taking = ARGV[10], ARGV[11], ARGV[13], ARGV[14], ARGV[17]
  if areas ~= '' or ruled ~= '' or judged ~= '' or replaces ~= '' or taking ~= '1' then return nil end

  local clock = call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local meta = call('HMGET', META, 'epoch', 'version', 'taken', 'kept', 'fence', 'clock')
  local taken_count, kept_count = call('HLEN', TAKEN), call('HLEN', KEPT)
  -- Not loaded, or partly lost; the clock went back; a hold is due; this hold is known already.
  if not meta[1] or taken_count ~= tonumber(meta[3]) or kept_count ~= tonumber(meta[4] or 0)
    or tonumber(meta[6] or 0) - now > CLOCK_SLACK or call('ZCOUNT', DUE, '-inf', now) > 0 or call('EXISTS', HOLD) == 1 then
    return nil
  end

  local seats, keys, numbers, count = {}, {}, {}, 0
  for seat in string.gmatch(ARGV[9], '%d+') do
    count = count + 1
    seats[count], keys[count], numbers[count] = seat, SEAT .. seat, tonumber(seat)
  end
  local chosen, was_free = count, {}
  for seat, free in string.gmatch(ARGV[12], '(%d+)=(%d)') do
    count = count + 1
    seats[count], keys[count], was_free[count] = seat, SEAT .. seat, free == '1'
  end
  if chosen == 0 or count > 1000 then return nil end
  local locks = call('MGET', unpack(keys))
  local taken = taken_count > 0 and call('HMGET', TAKEN, unpack(seats)) or {}
  local kept = kept_count > 0 and call('HMGET', KEPT, unpack(seats)) or {}
  local past = people and call('HMGET', PAST, unpack(seats, 1, chosen)) or {}
  local function is_open(at) return not kept[at] or (kept[at] ~= '' and kept[at] == channel) end
  for at = chosen + 1, count do
    if (not taken[at] and not locks[at] and is_open(at)) ~= was_free[at] then return nil end
  end

  local ttl, total, replay, cap, latest = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[16])
  local is_over_cap = call('ZCOUNT', USER, '(' .. now, '+inf') + chosen > cap
  local refused, cooling, created = nil, {}, now
  for at = 1, chosen do
    local why, again
    if taken[at] then
      why = 'sold'
    elseif locks[at] then
      why = 'held'
    elseif not is_open(at) then
      why = kept[at] == '' and 'blocked' or 'allocated'
    elseif past[at] then
      local used
      used, again = had_it(past[at], people, now)
      created = math.min(created, now - used)
      if is_worn(used, total, ttl, 0) then why = 'cooling' end
    end
    why = why or (is_over_cap and 'limit')
    if why then
      refused = refused or {}
      refused[#refused + 1], refused[#refused + 2] = numbers[at], why
      if why == 'cooling' then cooling[#cooling + 1], cooling[#cooling + 2] = numbers[at], again end
    end
  end
  if refused then return cmsgpack.pack({ 'refused', refused, cooling }) end

  local deadline = math.max(now + 1, math.min(now + ttl, created + total, latest))
  local left, version, fence = deadline - now, tonumber(meta[2]), tonumber(meta[5] or 0) + 1
  local lock, owner, due, owned, changes = hold_id .. '|' .. fence, hold_id .. user, {}, {}, {}
  for at = 1, chosen do
    local seat, two = seats[at], 2 * at
    call('SET', keys[at], lock, 'PX', left)
    due[two - 1], due[two], owned[two - 1], owned[two] = deadline, seat, seat, owner
    changes[two - 1], changes[two] = numbers[at], 1
  end
  call('ZADD', DUE, unpack(due))
  call('ZADD', USER, unpack(due))
  call('HSET', base .. ':owner', unpack(owned))
  call('HSET', HOLD, 'user', user, 'channel', channel, 'asked', ARGV[8], 'first', ARGV[9], 'seats', ARGV[9], 'terms', ARGV[15],
    'status', 'live', 'deadline', deadline, 'created', created, 'fence', fence, 'pinned', 0, 'replay', replay, 'since', now,
    'carried', '', 'people', ARGV[18])
  call('PEXPIRE', HOLD, left + replay)
  -- A minute is added, so that not every hold has to prolong it.
  if call('PTTL', USER) < left + replay then call('PEXPIRE', USER, left + replay + 60000) end
  call('HSET', META, 'version', version + 1, 'fence', fence, 'clock', now)
  call('PUBLISH', base .. ':feed',
    cmsgpack.pack({ meta[1], version, version + 1, now, deadline, changes, { { 'holds', user, hold_id, {} } }, -1 }))
  return cmsgpack.pack({ 'held', numbers, deadline, fence, ARGV[15], channel, ARGV[8], created + total })
end

local quick = quick_hold()
if quick then return quick end
