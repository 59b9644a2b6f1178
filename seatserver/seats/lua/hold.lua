-- Hold all seats or none, in place of another hold of the same user if one is named.
-- ARGV: hold_id, user, channel, ttl_ms, total_ms, replay_ms, cap,
--       asked (what the request was), seats (csv, sorted; may be empty when there are areas),
--       areas (`first-last@start=count` csv: `count` places between `first` and `last`, searched from `start` on),
--       ruled (`seat=reason` csv: what the house rules refuse), guards (`seat=1|0` csv), judged (epoch:version or empty),
--       replaces (hold_id or empty), terms, latest (ms: no deadline that is set here is later), taking (1: as usual;
--       0: the sale is over, and only what `replaces` has already may be held), people (`seatserver.seats.holders`)
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['refused', [seat, reason, ...], [seat, retry_at, ...]] | ['stale', [seat, state, ...]]
--    | ['conflict', why] | ['gone', status, hold_id] | ['pinned', until, hold_id] | ['absent', since]
-- `retry_at` (ms): when a seat that is `cooling` may be had again, if nobody takes it meanwhile.
-- `stale`: these seats are no longer what the rules were judged by. An area without enough places is refused as `full`, by
-- the number of its first place.
local hold_id, user, channel = ARGV[1], ARGV[2], ARGV[3]
local ttl, total, replay, cap = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local asked, replaces, terms, latest, taking = ARGV[8], ARGV[14], ARGV[15], tonumber(ARGV[16]), ARGV[17] == '1'
local people = people_of(ARGV[18])
local PLACES_AT_ONCE = 100

local room = open_room()
if not room then return absent() end
expire()

-- The same id again is the same hold: the reply was lost, or the client came back.
local before = redis.call('HMGET', hold_key(hold_id), 'user', 'asked')
if before[1] then
  publish(room)
  if before[1] ~= user then return answer('conflict', 'this hold id is in use') end
  if before[2] ~= asked then return answer('conflict', 'this hold id was used for another request') end
  local hold, why = living_hold(hold_id, user)
  if not hold then return answer('gone', why, hold_id) end
  return held_answer(hold, hold.deadline, total)
end

-- The seats of the hold that this one replaces count as free; those that are not wanted any more are given back.
local old, old_lock, retained = nil, nil, {}
if replaces ~= '' then
  local why
  old, why = living_hold(replaces, user)
  if not old or old.pinned > now then
    publish(room)
    if not old then return answer('gone', why, replaces) end
    return answer('pinned', old.pinned, replaces)
  end
  old_lock = replaces .. '|' .. old.fence
end

local seats, reasons = split(ARGV[9]), {}
local moved, room_moved = differing(room, ARGV[12], ARGV[13], channel, old_lock)
if #moved > 0 or room_moved then
  publish(room)
  return answer('stale', moved)
end

local promised = old and old.deadline - now or 0
-- Of seats that nobody else has: how long these people have had each, and when one that they had too long has cooled off.
local worn, cooling = {}, {}

-- Why each of these cannot be had, nil where it can.
local function obstacles(names)
  local taken, kept, locks = redis.call('HMGET', TAKEN, unpack(names)), kept_for(names), locks_of(names)
  local past = people and redis.call('HMGET', PAST, unpack(names)) or {}
  local found = {}
  for index = 1, #names do
    if taken[index] then
      found[index] = 'sold'
    elseif locks[index] and locks[index] ~= old_lock then
      found[index] = 'held'
    elseif not open_to(kept[index], channel) then
      found[index] = kept[index] == '' and 'blocked' or 'allocated'
    elseif not (taking or locks[index]) then
      found[index] = 'blocked'
    elseif past[index] and not locks[index] then
      local used, again = had_it(past[index], people, now)
      worn[names[index]] = used
      if is_worn(used, total, ttl, promised) then
        found[index], cooling[names[index]] = 'cooling', again
      end
    end
  end
  return found
end

if #seats > 0 then
  local found = obstacles(seats)
  for index, seat in ipairs(seats) do reasons[seat] = found[index] end
end
for seat, reason in string.gmatch(ARGV[11], '(%d+)=(%a+)') do reasons[seat] = reasons[seat] or reason end

-- The places of an area are all alike: take the first free ones from `start` on, going around once. Those that these people
-- have had before are taken only if there are not enough others.
local named = {}
for _, seat in ipairs(seats) do named[#named + 1] = seat end
for first, last, start, count in string.gmatch(ARGV[10], '(%d+)-(%d+)@(%d+)=(%d+)') do
  first, last, start, count = tonumber(first), tonumber(last), tonumber(start), tonumber(count)
  local size, seen, got, used, cool = last - first + 1, 0, {}, {}, {}
  while seen < size and #got < count do
    local names = {}
    while #names < PLACES_AT_ONCE and seen < size do
      names[#names + 1] = string.format('%d', first + (start - first + seen) % size)
      seen = seen + 1
    end
    local found = obstacles(names)
    for index, place in ipairs(names) do
      if found[index] == 'cooling' then
        cool[#cool + 1] = cooling[place]
      elseif not found[index] and (worn[place] or 0) > 0 then
        used[#used + 1] = place
      elseif not found[index] and #got < count then
        got[#got + 1] = place
      end
    end
  end
  for _, place in ipairs(used) do
    if #got < count then got[#got + 1] = place end
  end
  if #got < count then
    local place = string.format('%d', first)
    named[#named + 1] = place
    table.sort(cool)
    -- When enough of the cooling places have cooled off to fill what is missing.
    cooling[place] = cool[count - #got]
    reasons[place] = cooling[place] and 'cooling' or 'full'
  end
  for _, place in ipairs(got) do seats[#seats + 1] = place end
end

local mine = user_key(user)
if redis.call('ZCOUNT', mine, '(' .. now, '+inf') - (old and #old.seats or 0) + #seats > cap then
  for _, seat in ipairs(seats) do
    if not reasons[seat] then
      reasons[seat] = 'limit'
      named[#named + 1] = seat
    end
  end
end
if next(reasons) then
  publish(room)
  local refused, said, again = {}, {}, {}
  for _, seat in ipairs(named) do
    if reasons[seat] and not said[seat] then
      said[seat] = true
      refused[#refused + 1] = tonumber(seat)
      refused[#refused + 1] = reasons[seat]
      if reasons[seat] == 'cooling' then again[#again + 1], again[#again + 2] = tonumber(seat), cooling[seat] end
    end
  end
  return answer('refused', refused, again)
end

-- The hold is as old as its seat that these people have had for the longest.
local created, carried = now, {}
for _, seat in ipairs(seats) do created = math.min(created, now - (worn[seat] or 0)) end
local deadline = math.max(now + 1, math.min(now + ttl, created + total, latest))
if old then
  -- Replacing a hold again and again must not keep seats longer than one hold could.
  created = math.min(created, old.created)
  deadline = math.max(old.deadline, math.min(deadline, created + total))
  local gone, wanted = {}, {}
  for _, seat in ipairs(seats) do wanted[seat] = true end
  for _, seat in ipairs(old.seats) do
    gone[seat] = true
    if wanted[seat] then
      retained[seat] = true
      carried[#carried + 1] = string.format('%s=%d', seat, math.max(0, now - old.began(seat)))
    else
      changed(seat, rest(seat))
    end
  end
  let_go(old.seats, replaces .. user)
  shrink_hold(replaces, gone, 'replaced', retained)
end

room.fence = room.fence + 1
local fence, left = room.fence, deadline - now
local due, owned = {}, {}
for _, seat in ipairs(seats) do
  redis.call('SET', seat_key(seat), hold_id .. '|' .. fence, 'PX', left)
  due[#due + 1], due[#due + 2] = deadline, seat
  owned[#owned + 1], owned[#owned + 2] = seat, hold_id .. user
  if not retained[seat] then changed(seat, HELD) end
end
redis.call('ZADD', DUE, unpack(due))
redis.call('ZADD', mine, unpack(due))
redis.call('HSET', OWNER, unpack(owned))
local all = table.concat(seats, ',')
redis.call('HSET', hold_key(hold_id), 'user', user, 'channel', channel, 'asked', asked, 'first', all, 'seats', all,
  'terms', terms, 'status', 'live', 'deadline', deadline, 'created', created, 'fence', fence, 'pinned', 0, 'replay', replay,
  'since', now, 'carried', table.concat(carried, ','), 'people', ARGV[18])
redis.call('PEXPIRE', hold_key(hold_id), left + replay)
prolong_user_list(user, left + replay)
soonest = deadline
notices[#notices + 1] = { 'holds', user, hold_id, {} }
publish(room)
return answer('held', seat_numbers(seats), deadline, fence, terms, channel, asked, created + total)
