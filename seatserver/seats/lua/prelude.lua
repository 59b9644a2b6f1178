-- Shared by every verb: prepended to each script before it is loaded, so that one script is one atomic step.
--
-- KEYS[1]  the showtime's key base, `seats:{<showtime>}`. All keys below live under it, in one hash slot:
--   :meta   hash    epoch, version, fence, pgseq (last change of Postgres applied), taken and kept (sizes of those hashes),
--                   run (the Redis process that the epoch began in), clock (the latest time that this room has seen)
--   :taken  hash    seat -> state of seats that are booked in Postgres: 2 claimed, 3 sold
--   :kept   hash    seat -> sales channel that the house keeps it for; empty: blocked for everybody
--   :seat:N string  `hold_id|fence` with a native TTL: the lock of a held seat
--   :due    zset    seat -> deadline (ms) of every seat that viewers see as held
--   :owner  hash    seat -> `hold_id` + `user` of every seat in :due
--   :user:U zset    seat -> deadline of the seats that user U holds (for the cap)
--   :hold:H hash    user, channel, asked (what the request was, to know it again), first (all its seats), seats (those
--                   left), terms (what was agreed, such as prices; not read here), status, deadline, created, fence,
--                   pinned, replay; remembered for `replay` ms past its end, so that a late repetition is answered and
--                   not held anew
--   :feed   channel what changed
--
-- A seat is a number of the layout; the places of general-admission areas are numbers too, after the seats.
-- Every script answers one MessagePack array whose first item says how it went. `absent` means that Redis does not know
-- this showtime (never loaded, wiped, or part of it lost): the caller loads it from Postgres and asks again.

local base = KEYS[1]
local META, TAKEN, KEPT, DUE, OWNER = base .. ':meta', base .. ':taken', base .. ':kept', base .. ':due', base .. ':owner'
local FREE, HELD, CLAIMED, SOLD, BLOCKED, ALLOCATED = 0, 1, 2, 3, 4, 5
local SWEEP_AT_ONCE = 1000
local GUARDS_AT_ONCE = 1000
-- What a clock may go back without anybody minding, in ms: time servers correct it by less all the time.
local CLOCK_SLACK = 1000

local function seat_key(seat) return base .. ':seat:' .. seat end
local function user_key(user) return base .. ':user:' .. user end
local function hold_key(hold_id) return base .. ':hold:' .. hold_id end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- What this run changes; flushed by `publish` as one message.
local changes, notices, soonest = {}, {}, 0
-- How long past its deadline (ms) the oldest of the holds was that this run has ended; -1: none was due.
local late = -1
-- Whether the house keeps any seat of this room: what is not there need not be looked up.
local keeps = false

local function changed(seat, state)
  changes[#changes + 1] = tonumber(seat)
  changes[#changes + 1] = state
end

-- The clock was set back by `ms`, or another one counts since a failover: without this every hold would last the longer.
local function clock_went_back(ms)
  local due, holds = redis.call('ZRANGE', DUE, 0, -1, 'WITHSCORES'), {}
  for index = 1, #due, 2 do
    local seat, deadline = due[index], tonumber(due[index + 1]) - ms
    local owner = redis.call('HGET', OWNER, seat)
    redis.call('ZADD', DUE, deadline, seat)
    redis.call('PEXPIRE', seat_key(seat), math.max(1, deadline - now))
    if owner then
      redis.call('ZADD', user_key(string.sub(owner, 37)), deadline, seat)
      holds[hold_key(string.sub(owner, 1, 36))] = true
    end
  end
  for key in pairs(holds) do
    local fields = redis.call('HMGET', key, 'deadline', 'created', 'pinned')
    if fields[1] then
      redis.call('HSET', key, 'deadline', fields[1] - ms, 'created', fields[2] - ms, 'pinned', math.max(0, fields[3] - ms))
      redis.call('PEXPIRE', key, math.max(1, redis.call('PTTL', key) - ms))
    end
  end
end

local function open_room()
  local meta = redis.call('HMGET', META, 'epoch', 'version', 'pgseq', 'taken', 'kept', 'fence', 'clock')
  if not meta[1] then return nil end
  -- Half a room is no room: an evicted or partly restored :taken would show sold seats as free.
  if redis.call('HLEN', TAKEN) ~= tonumber(meta[4]) then return nil end
  local kept = redis.call('HLEN', KEPT)
  if kept ~= tonumber(meta[5] or 0) then return nil end
  keeps = kept > 0
  local back = tonumber(meta[7] or 0) - now
  if back > CLOCK_SLACK then
    clock_went_back(back)
    redis.call('HSET', META, 'clock', now)
  end
  return { epoch = meta[1], version = tonumber(meta[2]), pgseq = tonumber(meta[3]), fence = tonumber(meta[6] or 0) }
end

-- Which process this is. One that was restarted, or promoted, may lack what viewers have seen: the same version of the same
-- epoch could mean another room.
local function this_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

local function answer(...) return cmsgpack.pack({ ... }) end

local function split(csv)
  local seats = {}
  for seat in string.gmatch(csv, '%d+') do seats[#seats + 1] = seat end
  return seats
end

local function seat_numbers(seats)
  local numbers = {}
  for index, seat in ipairs(seats) do numbers[index] = tonumber(seat) end
  return numbers
end

-- What each seat is locked by, false where it is not; at most MAX_SEATS_PER_COMMAND seats, so that they fit Lua's stack.
local function locks_of(seats)
  local keys = {}
  for index, seat in ipairs(seats) do keys[index] = seat_key(seat) end
  return redis.call('MGET', unpack(keys))
end

-- Which channel each seat is kept for, false where it is not kept.
local function kept_for(seats)
  if not keeps then return {} end
  return redis.call('HMGET', KEPT, unpack(seats))
end

-- What a seat is that nobody holds and nobody booked.
local function rest(seat)
  if not keeps then return FREE end
  local channel = redis.call('HGET', KEPT, seat)
  if not channel then return FREE end
  return channel == '' and BLOCKED or ALLOCATED
end

-- Whether a buyer of this channel may take a seat that is kept as `channel` (false: not kept).
local function open_to(channel, buyer) return not channel or (channel ~= '' and channel == buyer) end

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

-- Free the hold's grip on its seats; the states that viewers see are the caller's to set.
local function let_go(seats, owner)
  if #seats == 0 then return end
  local keys = {}
  for index, seat in ipairs(seats) do keys[index] = seat_key(seat) end
  redis.call('DEL', unpack(keys))
  redis.call('ZREM', DUE, unpack(seats))
  redis.call('HDEL', OWNER, unpack(seats))
  if owner then redis.call('ZREM', user_key(string.sub(owner, 37)), unpack(seats)) end
end

-- Take `seats` out of the hold's own list and mark how it ended when nothing is left. `gone` is a set of seats.
local function shrink_hold(hold_id, gone, status)
  local key = hold_key(hold_id)
  local record = redis.call('HMGET', key, 'seats', 'replay')
  if not record[1] then return end
  local left = {}
  for _, seat in ipairs(split(record[1])) do
    if not gone[seat] then left[#left + 1] = seat end
  end
  if #left > 0 then
    redis.call('HSET', key, 'seats', table.concat(left, ','))
  else
    redis.call('HSET', key, 'seats', '', 'status', status)
    redis.call('PEXPIRE', key, record[2])
  end
end

-- Note that `owner` (or nobody) lost a seat.
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
    'user', 'seats', 'status', 'deadline', 'created', 'fence', 'pinned', 'replay', 'terms', 'channel', 'asked')
  if not fields[1] then return nil, 'unknown' end
  if fields[1] ~= user then return nil, 'not yours' end
  if fields[3] ~= 'live' then return nil, fields[3] end
  local hold = { seats = split(fields[2]), csv = fields[2], deadline = tonumber(fields[4]),
    created = tonumber(fields[5]), fence = fields[6], pinned = tonumber(fields[7]), replay = tonumber(fields[8]),
    terms = fields[9] or '', channel = fields[10] or '', asked = fields[11] or '' }
  if hold.deadline <= now then return nil, 'expired' end
  for _, lock in ipairs(locks_of(hold.seats)) do
    if lock ~= hold_id .. '|' .. hold.fence then return nil, 'expired' end
  end
  return hold
end

-- What hold, extend and pin answer: `oldest` is when the hold has its total age, past which no extension goes.
local function held_answer(hold, deadline, total)
  return answer('held', seat_numbers(hold.seats), deadline, tonumber(hold.fence), hold.terms, hold.channel, hold.asked,
    hold.created + total)
end

-- Keep the list of a user's seats at least this long, and a minute more, so that not every hold has to say so.
local function keep_user(user, ms)
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
  keep_user(user, deadline - now + hold.replay)
end

-- Put a seat into a state that a booking decided (FREE: nobody's any more), over whatever Redis believed. Returns the owner
-- of a hold that this ended.
local function decide(seat, state)
  local owner = redis.call('HGET', OWNER, seat)
  if state == FREE then
    -- A row that is not in :taken any more may have been freed and held anew already.
    if redis.call('HDEL', TAKEN, seat) == 1 and not owner then changed(seat, rest(seat)) end
    return nil
  end
  if owner then let_go({ seat }, owner) end
  redis.call('HSET', TAKEN, seat, state)
  changed(seat, state)
  return owner
end

-- Keep a seat for a channel (empty: for nobody; false: for nobody in particular, it is open to all). Returns the owner of
-- a hold that this ended.
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
  -- They outlive :meta, so that losing one by time never shows sold seats as free.
  if left > 0 then
    redis.call('PEXPIRE', TAKEN, left + 60000)
    redis.call('PEXPIRE', KEPT, left + 60000)
  end
end

-- The seats of `guards` (seat=1: was free, seat=0: was not) of which this is not so any more, as a flat list of seat and its
-- state; empty when what was judged still holds. `judged` (epoch:version, or empty) asks for the whole room to be unchanged.
-- `own` is the lock of seats that count as free.
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
