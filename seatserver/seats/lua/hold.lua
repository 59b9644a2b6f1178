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
local hold_id, user, channel, chosen_csv, taking, text = ARGV[1], ARGV[2], ARGV[3], ARGV[9], ARGV[17] == '1', ARGV[18]
local HOLD, USER = base .. ':hold:' .. hold_id, base .. ':user:' .. user

if not epoch then
  -- include: absent
end
if call('ZCOUNT', DUE, '-inf', now_text) > 0 then
  -- include: steps
  expire()
end

-- The same id again is the same hold: the reply was lost, or the client came back.
if call('EXISTS', HOLD) == 1 then
  -- include: publish
  local before = call('HMGET', HOLD, 'user', 'asked')
  if before[1] ~= user then return cmsgpack.pack({ 'conflict', 'this hold id is in use' }) end
  if before[2] ~= ARGV[8] then return cmsgpack.pack({ 'conflict', 'this hold id was used for another request' }) end
  local held_id = hold_id
  -- include: read_hold
  -- include: living
  if why then return cmsgpack.pack({ 'gone', why, hold_id }) end
  local deadline, total = tonumber(hold[4]), tonumber(ARGV[5])
  -- include: held
end

-- The seats of the hold that this one replaces count as free; those that are not wanted any more are given back.
local old, own_lock
if ARGV[14] ~= '' then
  local held_id = ARGV[14]
  local HOLD = base .. ':hold:' .. held_id
  -- include: read_hold_briefly
  -- include: living
  local pinned = not why and tonumber(hold[7])
  if why or pinned > now then
    -- include: publish
    return cmsgpack.pack(why and { 'gone', why, held_id } or { 'pinned', pinned, held_id })
  end
  old, own_lock = { id = held_id, seats = seats, keys = keys, fields = hold, deadline = tonumber(hold[4]) }, lock
end

-- `names` are the chosen seats, then the guards.
local names, keys, was_free, count = { nil, nil, nil, nil }, { nil, nil, nil, nil }, nil, 0
for seat in string.gmatch(chosen_csv, '%d+') do
  count = count + 1
  names[count], keys[count] = seat, SEAT .. seat
end
local chosen, judged = count, ARGV[13]
if ARGV[12] ~= '' then
  was_free = {}
  for seat, free in string.gmatch(ARGV[12], '(%d+)=(%d)') do
    count = count + 1
    names[count], keys[count], was_free[count] = seat, SEAT .. seat, free == '1'
  end
end
-- include: seats_are
if was_free or judged ~= '' then
  -- include: guards
end

-- Why seats cannot be had, by their names; nil while there is no reason. `cooling`: when those that these people had too long
-- have cooled off. The hold is as old as its seat that they have had for the longest.
local reasons, cooling, created = nil, nil, now
local ttl, total = tonumber(ARGV[4]), tonumber(ARGV[5])
local promised, past, packed, had, pause, memory, people = old and old.deadline - now or 0, {}, nil, nil, nil, nil, nil
if text ~= '' and chosen > 0 then past = call('HMGET', PAST, unpack(names, 1, chosen)) end
for at = 1, chosen do
  -- include: obstacle
  if why then
    reasons, cooling = reasons or {}, cooling or {}
    reasons[names[at]], cooling[names[at]] = why, again
  elseif used > 0 then
    created = math.min(created, now - used)
  end
end
if ARGV[11] ~= '' then
  reasons = reasons or {}
  for seat, reason in string.gmatch(ARGV[11], '(%d+)=(%a+)') do reasons[seat] = reasons[seat] or reason end
end
-- A refusal names the first `numbered` seats, and then those of `others`.
local numbered, others = chosen, nil
if ARGV[10] ~= '' then
  -- include: areas
end

local mine = call('ZCOUNT', USER, '(' .. now_text, '+inf')
if mine - (old and #old.seats or 0) + chosen > tonumber(ARGV[7]) then
  reasons = reasons or {}
  for at = 1, chosen do
    if not reasons[names[at]] then
      reasons[names[at]] = 'limit'
      if at > numbered then others[#others + 1] = names[at] end
    end
  end
end
if reasons and next(reasons) then
  -- include: publish
  -- include: refuse
end

local deadline, carried, retained = math.max(now + 1, math.min(now + ttl, created + total, tonumber(ARGV[16]))), '', nil
if old then
  -- include: replace
end

-- Nothing is in the way: write the hold.
fence = string.format('%d', fence + 1)
local numbers, due, owned = { nil, nil }, { nil, nil, nil, nil }, { nil, nil, nil, nil }
local deadline_text, left = string.format('%.0f', deadline), deadline == now + ttl and ARGV[4] or string.format('%d', deadline - now)
local lock, owner = hold_id .. '|' .. fence, hold_id .. user
for at = 1, chosen do
  local seat, number, two = names[at], tonumber(names[at]), 2 * at
  call('SET', keys[at], lock, 'PX', left)
  numbers[at], due[two - 1], due[two], owned[two - 1], owned[two] = number, deadline_text, seat, seat, owner
  if not (retained and retained[seat]) then changes[#changes + 1], changes[#changes + 2] = number, HELD end
end
call('ZADD', DUE, unpack(due))
call('ZADD', USER, unpack(due))
call('HSET', OWNER, unpack(owned))
local all = numbered == chosen and chosen_csv or table.concat(names, ',', 1, chosen)
local created_text = created == now and now_text or string.format('%.0f', created)
call('HSET', HOLD, 'user', user, 'channel', channel, 'asked', ARGV[8], 'first', all, 'seats', all, 'terms', ARGV[15],
  'status', 'live', 'deadline', deadline_text, 'created', created_text, 'fence', fence, 'pinned', '0', 'replay', ARGV[6],
  'since', now_text, 'carried', carried, 'people', text)
local kept_ms = left + ARGV[6]
call('PEXPIRE', HOLD, string.format('%d', kept_ms))
-- A minute is added, so that not every hold has to prolong it. The list of a user without seats is new.
if mine == 0 or call('PTTL', USER) < kept_ms then call('PEXPIRE', USER, string.format('%d', kept_ms + 60000)) end
soonest = deadline
notices[#notices + 1] = { 'holds', user, hold_id, {} }
-- include: publish
return cmsgpack.pack({ 'held', numbers, deadline, tonumber(fence), ARGV[15], channel, ARGV[8], created + total })
