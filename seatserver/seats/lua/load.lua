-- Take over what Postgres knows of a showtime: at its first use, after Redis lost it, or to repair it.
-- ARGV: new epoch, pgseq, ends (ms since the epoch: when Redis may forget the room), mode, seats taken as `seat=state` csv,
--       seats kept as `seat=channel` csv, of_epoch (`renew` and `restore` apply only to a room of this epoch; empty: any),
--       since (of the absence during which Postgres was read; empty: the room was there)
-- mode: `missing` loads only a room that is not there or is behind; `repair` also one that is there; `renew` starts a new epoch;
--       `restore` does too, and takes over what Postgres knows although Redis knew more
-- -> ['loaded', epoch, version] | ['absent', since]
-- `absent`: what was read may be older than what the lost room knew. Read Postgres again, and load with `since`.
local read_at, mode, of_epoch, since = tonumber(ARGV[2]), ARGV[4], ARGV[7], ARGV[8]
local ABSENT, was_there = base .. ':absent', epoch

-- While Redis lacks a room nothing can change in it, so what was read from Postgres after the loss was noticed is complete.
if not was_there and call('GET', ABSENT) ~= since then
  -- include: absent
end
local restore = mode == 'restore'
local renew = not was_there or mode == 'renew' or restore
local pgseq = was_there and tonumber(call('HGET', META, 'pgseq')) or read_at
-- A reader that was slow must never overwrite what a newer change has brought.
local newer = not was_there or restore or read_at > pgseq or (read_at == pgseq and mode ~= 'missing')
-- Every instance notices that Redis went back in time; the first to say so renews for all.
local is_other = was_there and renew and of_epoch ~= '' and of_epoch ~= epoch
if is_other or not (newer or renew) then return cmsgpack.pack({ 'loaded', epoch, tonumber(version) }) end

-- include: steps
-- include: remember
-- include: bookings

if renew then
  -- include: this_run
  -- Viewers of any older epoch notice by this message that only a snapshot will do.
  epoch, version = ARGV[1], '0'
  call('HSET', META, 'epoch', epoch, 'version', version, 'run', this_run)
  call('HSETNX', META, 'fence', '0')
  -- Must not be the first write: once a script has freed memory, Redis lets it go on although memory is full.
  call('DEL', ABSENT)
  notices[1] = { 'epoch', '', '', { 0 } }
end
if newer then
  -- A room of which a part was lost may keep or have booked seats although it has counted none.
  kept_count, taken_count, pgseq = math.max(1, kept_count), math.max(1, taken_count), read_at
  -- Kept seats come first, because they decide the state of a seat that nobody has booked.
  local current, wanted, opened, of_channel = call('HGETALL', KEPT), {}, {}, {}
  for seat, channel in string.gmatch(ARGV[6], '(%d+)=([%w_-]*)') do wanted[seat] = channel end
  for index = 1, #current, 2 do
    local seat = current[index]
    if not wanted[seat] then
      opened[#opened + 1] = seat
    elseif wanted[seat] == current[index + 1] then
      wanted[seat] = nil -- as it should be
    end
  end
  keep(opened, false)
  for seat, channel in pairs(wanted) do
    of_channel[channel] = of_channel[channel] or {}
    table.insert(of_channel[channel], seat)
  end
  for channel, seats in pairs(of_channel) do
    local lost, theirs = keep(seats, channel)
    notify(lost, theirs, 'blocked')
  end
  local freed, in_state = {}, {}
  current, wanted = call('HGETALL', TAKEN), {}
  for seat, state in string.gmatch(ARGV[5], '(%d+)=(%d+)') do wanted[seat] = tonumber(state) end
  for index = 1, #current, 2 do
    local seat = current[index]
    if not wanted[seat] then
      freed[#freed + 1] = seat
    elseif wanted[seat] == tonumber(current[index + 1]) and call('HEXISTS', OWNER, seat) == 0 then
      wanted[seat] = nil -- as it should be
    end
  end
  decide(freed, FREE)
  remember_booking(freed, FREE)
  for seat, state in pairs(wanted) do
    in_state[state] = in_state[state] or {}
    table.insert(in_state[state], seat)
  end
  for state, seats in pairs(in_state) do
    local lost, theirs = decide(seats, state)
    notify(lost, theirs, 'sold')
  end
end
call('PEXPIREAT', META, ARGV[3])
settle(pgseq, true)
-- include: publish
return cmsgpack.pack({ 'loaded', epoch, tonumber(version) })
