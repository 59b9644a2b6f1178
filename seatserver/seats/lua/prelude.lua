-- Shared by every verb: it stands before each, with past.lua before it and remember.lua and steps.lua after it, so that
-- one script is one atomic step.
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
--                   pinned, replay, since and carried (from when on it has its seats), people (who they are counted
--                   for); remembered for `replay` ms past its end, so that a late repetition is answered and not
--                   held anew
--   :absent string  since when Redis lacks this showtime; deleted when it is loaded, and expires by itself
--   :past   hash    seat -> who has had it lately, and for how long: see past.lua; expires by itself
--   :feed   channel what changed
--
-- A seat is a number of the layout; the places of general-admission areas are numbers too, after the seats.
-- Every script answers one MessagePack array whose first item says how it went. `absent` means that Redis does not know
-- this showtime (never loaded, wiped, or part of it lost): the caller loads it from Postgres and asks again. The answer says
-- since when, as a text that is different for each absence: `load` accepts only what was read from Postgres during this one.

local base = KEYS[1]
local META, TAKEN, KEPT, DUE, OWNER = base .. ':meta', base .. ':taken', base .. ':kept', base .. ':due', base .. ':owner'
local PAST, ABSENT = base .. ':past', base .. ':absent'
local FREE, HELD, CLAIMED, SOLD, BLOCKED, ALLOCATED = 0, 1, 2, 3, 4, 5
local SWEEP_AT_ONCE = 1000
local GUARDS_AT_ONCE = 1000
-- How long an absence is remembered; a load that takes longer reads Postgres once more.
local ABSENCE_MS = 60000

local function seat_key(seat) return base .. ':seat:' .. seat end
local function user_key(user) return base .. ':user:' .. user end
local function hold_key(hold_id) return base .. ':hold:' .. hold_id end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- What this run changes; flushed by `publish` as one message.
local changes, notices, soonest = {}, {}, 0
-- Of the holds that this run has ended, how long past its deadline (ms) the most overdue one was; -1: none was due.
local late = -1
-- Whether the house keeps any seat of this room; if not, :kept need not be read.
local keeps = false

local function changed(seat, state)
  changes[#changes + 1] = tonumber(seat)
  changes[#changes + 1] = state
end

-- The clock went back by `ms`: it was set, or a failover changed to another server's. Without this, holds would last `ms`
-- longer.
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
    local fields = redis.call('HMGET', key, 'deadline', 'created', 'pinned', 'since')
    if fields[1] then
      if fields[4] then redis.call('HSET', key, 'since', fields[4] - ms) end
      redis.call('HSET', key, 'deadline', fields[1] - ms, 'created', fields[2] - ms, 'pinned', math.max(0, fields[3] - ms))
      redis.call('PEXPIRE', key, math.max(1, redis.call('PTTL', key) - ms))
    end
  end
  -- Its times are by the other clock: we forget who had what, so that nobody is refused for hours by mistake.
  redis.call('DEL', PAST)
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

-- Which Redis process this is. After a restart or a promotion it may lack what viewers have seen, so that the same version of
-- the same epoch could mean a different room.
local function this_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

local function answer(...) return cmsgpack.pack({ ... }) end

-- Redis lacks this showtime: note since when.
local function absent()
  redis.call('SET', ABSENT, clock[1] .. '.' .. clock[2], 'NX', 'PX', ABSENCE_MS)
  return answer('absent', redis.call('GET', ABSENT))
end

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

-- The state of a seat that nobody holds and nobody has booked.
local function rest(seat)
  if not keeps then return FREE end
  local channel = redis.call('HGET', KEPT, seat)
  if not channel then return FREE end
  return channel == '' and BLOCKED or ALLOCATED
end

-- Whether a buyer of this channel may take a seat that is kept as `channel` (false: not kept).
local function open_to(channel, buyer) return not channel or (channel ~= '' and channel == buyer) end
