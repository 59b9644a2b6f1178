-- Of the hold `held_id`, whose fields were read: `why` is nil when it is alive, `user`'s, and every one of its seats is still locked by it;
-- else why not. Makes, when it is alive, `seats`, `keys`, `numbers` and `lock`.
local why, seats, keys, numbers, lock = nil, { nil, nil }, { nil, nil }, { nil, nil }, nil
if not hold[1] then
  why = 'unknown'
elseif hold[1] ~= user then
  why = 'not yours'
elseif hold[3] ~= 'live' then
  why = hold[3]
elseif tonumber(hold[4]) <= now then
  why = 'expired'
else
  local count = 0
  for seat in string.gmatch(hold[2], '%d+') do
    count = count + 1
    seats[count], keys[count], numbers[count] = seat, SEAT .. seat, tonumber(seat)
  end
  lock = held_id .. '|' .. hold[6]
  local locks = call('MGET', unpack(keys))
  for at = 1, count do
    if locks[at] ~= lock then why = 'expired' end
  end
end
