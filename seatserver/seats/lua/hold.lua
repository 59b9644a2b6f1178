-- Hold all seats or none.
-- ARGV: hold_id, user, ttl_ms, replay_ms, cap, asked (seats as csv, sorted), torn (those whose group is torn, csv)
-- -> ['held', [seat, ...], deadline, fence] | ['refused', [seat, reason, ...]] | ['conflict', why] | ['gone', status] | ['absent']
local hold_id, user, ttl, replay, cap = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local asked, torn = ARGV[6], {}
for _, seat in ipairs(split(ARGV[7])) do torn[seat] = true end

local room = open_room()
if not room then return answer('absent') end
expire()

-- The same id again is the same hold: the reply was lost, or the client came back.
local before = redis.call('HMGET', hold_key(hold_id), 'user', 'asked')
if before[1] then
  publish(room)
  if before[1] ~= user then return answer('conflict', 'this hold id is in use') end
  if before[2] ~= asked then return answer('conflict', 'this hold id was used for other seats') end
  local hold, why = living_hold(hold_id, user)
  if not hold then return answer('gone', why) end
  return answer('held', seat_numbers(hold.seats), hold.deadline, tonumber(hold.fence))
end

local seats, reasons = split(asked), {}
local states, locks = redis.call('HMGET', TAKEN, unpack(seats)), locks_of(seats)
for index, seat in ipairs(seats) do
  local state = states[index]
  if state then
    reasons[seat] = tonumber(state) == BLOCKED and 'blocked' or 'sold'
  elseif locks[index] then
    reasons[seat] = 'held'
  elseif torn[seat] then
    reasons[seat] = 'group'
  end
end
local mine = user_key(user)
redis.call('ZREMRANGEBYSCORE', mine, '-inf', now)
if redis.call('ZCARD', mine) + #seats > cap then
  for _, seat in ipairs(seats) do reasons[seat] = reasons[seat] or 'limit' end
end
if next(reasons) then
  publish(room)
  local named = {}
  for _, seat in ipairs(seats) do
    if reasons[seat] then
      named[#named + 1] = tonumber(seat)
      named[#named + 1] = reasons[seat]
    end
  end
  return answer('refused', named)
end

local fence, deadline = redis.call('HINCRBY', META, 'fence', 1), now + ttl
local due, owned = {}, {}
for _, seat in ipairs(seats) do
  redis.call('SET', seat_key(seat), hold_id .. '|' .. fence, 'PX', ttl)
  due[#due + 1], due[#due + 2] = deadline, seat
  owned[#owned + 1], owned[#owned + 2] = seat, hold_id .. user
  changed(seat, HELD)
end
redis.call('ZADD', DUE, unpack(due))
redis.call('ZADD', mine, unpack(due))
redis.call('HSET', OWNER, unpack(owned))
redis.call('HSET', hold_key(hold_id), 'user', user, 'asked', asked, 'seats', asked, 'status', 'live',
  'deadline', deadline, 'created', now, 'fence', fence, 'pinned', 0, 'replay', replay)
redis.call('PEXPIRE', hold_key(hold_id), ttl + replay)
keep_user(user, ttl + replay)
soonest = deadline
publish(room)
return answer('held', seat_numbers(seats), deadline, fence)
