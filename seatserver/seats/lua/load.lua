-- Take over what Postgres knows of a showtime: at its first use, after Redis lost it, or to repair it.
-- ARGV: new epoch, pgseq, ends (ms since the epoch: when Redis may forget the room), mode, seats taken as `seat=state` csv,
--       seats kept as `seat=channel` csv, of_epoch (`renew` and `restore` apply only to a room of this epoch; empty: any),
--       since (of the absence during which Postgres was read; empty: the room was there)
-- mode: `missing` loads only a room that is not there or is behind; `repair` also one that is there; `renew` starts a new epoch;
--       `restore` does too, and takes over what Postgres knows although Redis knew more
-- -> ['loaded', epoch, version] | ['absent', since]
-- `absent`: what was read may be older than what the lost room knew. Read Postgres again, and load with `since`.
local epoch, pgseq, ends, mode, of_epoch, since = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[7], ARGV[8]

local room = open_room()
-- While Redis lacks a room nothing can change in it, so what was read from Postgres after the loss was noticed is complete.
if not room and redis.call('GET', ABSENT) ~= since then return absent() end
local restore = mode == 'restore'
local renew = not room or mode == 'renew' or restore
-- Every instance notices that Redis went back in time; the first to say so renews for all.
if room and renew and of_epoch ~= '' and of_epoch ~= room.epoch then return answer('loaded', room.epoch, room.version) end
-- A reader that was slow must never overwrite what a newer change has brought.
local newer = not room or restore or pgseq > room.pgseq or (pgseq == room.pgseq and mode ~= 'missing')
if not newer and not renew then return answer('loaded', room.epoch, room.version) end

if renew then
  -- Viewers of any older epoch notice by this message that only a snapshot will do.
  redis.call('HSET', META, 'epoch', epoch, 'version', 0, 'run', this_run())
  redis.call('HSETNX', META, 'fence', 0)
  -- Must not be the first write: once a script has freed memory, Redis lets it go on although memory is full.
  redis.call('DEL', ABSENT)
  room = { epoch = epoch, version = 0, pgseq = room and room.pgseq or pgseq, fence = tonumber(redis.call('HGET', META, 'fence')) }
  notices[#notices + 1] = { 'epoch', '', '', { 0 } }
end
if newer then
  -- Kept seats come first, because they decide the state of a seat that nobody has booked. A room of which a part was lost
  -- may keep seats although it has counted none.
  keeps = true
  local wanted, lost = {}, {}
  for seat, channel in string.gmatch(ARGV[6], '(%d+)=([%w_-]*)') do wanted[seat] = channel end
  local current = redis.call('HGETALL', KEPT)
  for index = 1, #current, 2 do
    if not wanted[current[index]] then keep(current[index], false) end
  end
  for seat, channel in pairs(wanted) do
    if redis.call('HGET', KEPT, seat) ~= channel then
      bereave(lost, keep(seat, channel), seat)
    end
  end
  notify(lost, 'blocked')
  wanted, lost = {}, {}
  local freed = {}
  for seat, state in string.gmatch(ARGV[5], '(%d+)=(%d+)') do wanted[seat] = tonumber(state) end
  current = redis.call('HGETALL', TAKEN)
  for index = 1, #current, 2 do
    if not wanted[current[index]] then
      decide(current[index], FREE)
      freed[#freed + 1] = current[index]
    end
  end
  remember_booking(freed, FREE)
  for seat, state in pairs(wanted) do
    if tonumber(redis.call('HGET', TAKEN, seat)) ~= state or redis.call('HEXISTS', OWNER, seat) == 1 then
      bereave(lost, decide(seat, state), seat)
    end
  end
  notify(lost, 'sold')
  room.pgseq = pgseq
end
redis.call('PEXPIREAT', META, ends)
settle(room.pgseq)
publish(room)
return answer('loaded', room.epoch, room.version)
