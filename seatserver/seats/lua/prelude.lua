-- Stands first in every verb. `-- include: NAME` stands for the text of parts/NAME.lua, so that one script is one atomic step
-- (`seatserver.seats.scripts`). A file that is included uses the names of the place where it stands; its head says which.
-- Where there is none before the verb's own work, no function is made: a function costs Lua as much as a command costs
-- Redis, mostly for the locals that it refers to. What only some calls need is included in the branch that needs it.
--
-- Arguments of commands are texts where that is possible: Redis writes a number out at the price of half a command. A table
-- that is filled in a loop begins with a few nils: so it has room for them, and need not grow with each.
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
--   :past   hash    seat -> who has had it lately, and for how long: see parts/remember.lua; expires by itself
--   :feed   channel what changed
--
-- A seat is a number of the layout; the places of general-admission areas are numbers too, after the seats.
-- Every script answers one MessagePack array whose first item says how it went. `absent` means that Redis does not know
-- this showtime (never loaded, wiped, or part of it lost): the caller loads it from Postgres and asks again. The answer says
-- since when, as a text that is different for each absence: `load` accepts only what was read from Postgres during this one.

local call, base = redis.call, KEYS[1]
local META, TAKEN, KEPT, DUE, OWNER = base .. ':meta', base .. ':taken', base .. ':kept', base .. ':due', base .. ':owner'
local PAST, SEAT = base .. ':past', base .. ':seat:'
local FREE, HELD, CLAIMED, SOLD, BLOCKED, ALLOCATED = 0, 1, 2, 3, 4, 5
-- How far the clock may go back (ms) without any effect: time servers correct it by less all the time.
local CLOCK_SLACK = 1000
-- So many arguments fit Lua's stack.
local SEATS_AT_ONCE = 1000

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local now_text = string.format('%.0f', now)

-- What this run changes; `publish.lua` tells it in one message. `late`: of the holds that this run has ended, how long past
-- its deadline (ms) the most overdue one was; -1: none was due.
local changes, notices, soonest, late = { nil, nil, nil, nil }, { nil }, 0, -1

local meta = call('HMGET', META, 'epoch', 'version', 'fence', 'taken', 'kept', 'clock')
local epoch, version, fence, taken_count, kept_count = meta[1], meta[2], meta[3] or '0', 0, 0
-- Half a room is no room: an evicted or partly restored :taken would show sold seats as free. Where nothing was counted nothing
-- can be lost.
if epoch and meta[4] ~= '0' then
  taken_count = call('HLEN', TAKEN)
  if taken_count ~= tonumber(meta[4]) then epoch = nil end
end
if epoch and meta[5] and meta[5] ~= '0' then
  kept_count = call('HLEN', KEPT)
  if kept_count ~= tonumber(meta[5]) then epoch = nil end
end
if epoch and meta[6] and meta[6] - now > CLOCK_SLACK then
  -- include: clock_went_back
end
