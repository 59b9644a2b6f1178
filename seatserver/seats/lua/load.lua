-- Take over what Postgres knows of a showtime: at its first use, after Redis lost it, or to repair it.
-- ARGV: new epoch, pgseq, ends (ms since the epoch: when Redis may forget the room), mode, seats taken as `seat=state` csv
-- mode: `missing` loads only a room that is not there or is behind; `repair` also one that is there; `renew` starts a new epoch
-- -> ['loaded', epoch, version]
local epoch, pgseq, ends, mode = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

local room = open_room()
-- A reader that was slow must never overwrite what a newer change has brought.
if room and mode ~= 'renew' and (room.pgseq > pgseq or (room.pgseq == pgseq and mode == 'missing')) then
  return answer('loaded', room.epoch, room.version)
end

local wanted = {}
for seat, state in string.gmatch(ARGV[5], '(%d+)=(%d+)') do wanted[seat] = tonumber(state) end
local current = redis.call('HGETALL', TAKEN)
for index = 1, #current, 2 do
  if not wanted[current[index]] then decide(current[index], FREE) end
end
local lost = {}
for seat, state in pairs(wanted) do
  if tonumber(redis.call('HGET', TAKEN, seat)) ~= state or redis.call('HEXISTS', OWNER, seat) == 1 then
    local owner = decide(seat, state)
    if owner then
      lost[owner] = lost[owner] or {}
      table.insert(lost[owner], seat)
    end
  end
end
notify(lost, 'sold')

if not room or mode == 'renew' then
  -- Viewers of any older epoch notice by this message that only a snapshot will do.
  redis.call('HSET', META, 'epoch', epoch, 'version', 0)
  redis.call('HSETNX', META, 'fence', 0)
  room = { epoch = epoch, version = 0 }
  notices[#notices + 1] = { 'epoch', '', '', { 0 } }
end
redis.call('PEXPIREAT', META, ends)
settle(pgseq)
publish(room)
return answer('loaded', room.epoch, room.version)
