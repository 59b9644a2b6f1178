-- The quick way through release.lua, for a whole living hold whose seats were taken together: see quick_hold.lua.

local function quick_release()
  local call, base, hold_id, user = redis.call, KEYS[1], ARGV[1], ARGV[2]
  local META, KEPT, PAST, HOLD = base .. ':meta', base .. ':kept', base .. ':past', base .. ':hold:' .. hold_id
  local SEAT = base .. ':seat:'
  if ARGV[3] ~= '' then return nil end -- only some of its seats

  local clock = call('TIME')
  local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
  local meta = call('HMGET', META, 'epoch', 'version', 'taken', 'kept', 'fence', 'clock')
  local hold = call('HMGET', HOLD, 'user', 'seats', 'status', 'deadline', 'fence', 'pinned', 'replay', 'people', 'since', 'carried')
  local kept_count = call('HLEN', KEPT)
  if not meta[1] or call('HLEN', base .. ':taken') ~= tonumber(meta[3]) or kept_count ~= tonumber(meta[4] or 0)
    or tonumber(meta[6] or 0) - now > CLOCK_SLACK then
    return nil
  end
  -- Not theirs, over, being booked, made in place of another hold, or made by an older instance.
  if hold[1] ~= user or hold[3] ~= 'live' or tonumber(hold[4]) <= now or tonumber(hold[6]) > now or hold[10] ~= '' then
    return nil
  end

  local seats, keys, numbers, changes, count = {}, {}, {}, {}, 0
  for seat in string.gmatch(hold[2], '%d+') do
    count = count + 1
    local number = tonumber(seat)
    seats[count], keys[count], numbers[count] = seat, SEAT .. seat, number
    changes[2 * count - 1], changes[2 * count] = number, 0
  end
  local lock = hold_id .. '|' .. hold[5]
  for _, found in ipairs(call('MGET', unpack(keys))) do
    if found ~= lock then return nil end
  end
  if kept_count > 0 then
    for at, channel in ipairs(call('HMGET', KEPT, unpack(seats))) do
      if channel then changes[2 * at] = channel == '' and 4 or 5 end
    end
  end

  -- Free memory first: then Redis lets the script go on although its memory is full.
  call('DEL', unpack(keys))
  call('ZREM', base .. ':due', unpack(seats))
  call('HDEL', base .. ':owner', unpack(seats))
  call('ZREM', base .. ':user:' .. user, unpack(seats))
  local people = people_of(hold[8])
  if people then
    local known, fields, since = call('HMGET', PAST, unpack(seats)), {}, tonumber(hold[9])
    for at = 1, count do
      fields[2 * at - 1], fields[2 * at] = seats[at], past_after(known[at], people, since, now)
    end
    call('HSET', PAST, unpack(fields))
    if call('PTTL', PAST) < people.memory then call('PEXPIRE', PAST, people.memory + 60000) end
  end
  call('HSET', HOLD, 'seats', '', 'status', 'released')
  call('PEXPIRE', HOLD, hold[7])
  local version = tonumber(meta[2])
  call('HSET', META, 'version', version + 1, 'clock', now)
  call('PUBLISH', base .. ':feed',
    cmsgpack.pack({ meta[1], version, version + 1, now, 0, changes, { { 'holds', user, hold_id, {} } }, -1 }))
  return cmsgpack.pack({ 'released', numbers })
end

local quick = quick_release()
if quick then return quick end
