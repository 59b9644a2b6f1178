-- Read what Redis knows of each of `names`, whose locks are `keys`; how many they are is `count`. Makes `locks`, `taken` and
-- `kept`, in their order: false or nothing for a seat that is not locked, booked or kept.
local locks, taken, kept = {}, {}, {}
if count > 0 and count <= SEATS_AT_ONCE then
  locks = call('MGET', unpack(keys))
  if taken_count > 0 then taken = call('HMGET', TAKEN, unpack(names)) end
  if kept_count > 0 then kept = call('HMGET', KEPT, unpack(names)) end
elseif count > 0 then
  for first = 1, count, SEATS_AT_ONCE do
    local last = math.min(count, first + SEATS_AT_ONCE - 1)
    local some_locks, some_taken = call('MGET', unpack(keys, first, last)), call('HMGET', TAKEN, unpack(names, first, last))
    local some_kept = call('HMGET', KEPT, unpack(names, first, last))
    for at = first, last do
      locks[at], taken[at], kept[at] = some_locks[at - first + 1], some_taken[at - first + 1], some_kept[at - first + 1]
    end
  end
end
