-- Only some seats are given back, which the house rules have judged. They count the seats of expired holds as free, so those
-- holds end here and everybody sees it.
if call('ZCOUNT', DUE, '-inf', now_text) > 0 then
  -- include: steps
  expire()
end
local names, keys, was_free, count, chosen = {}, {}, {}, 0, 0
for seat, free in string.gmatch(ARGV[6], '(%d+)=(%d)') do
  count = count + 1
  names[count], keys[count], was_free[count] = seat, SEAT .. seat, free == '1'
end
local channel, own_lock, judged = call('HGET', HOLD, 'channel') or '', lock, ARGV[7]
-- include: seats_are
-- include: guards
if hold[2] ~= ARGV[4] then
  -- include: publish
  return cmsgpack.pack({ 'stale', {} })
end
call('HSET', HOLD, 'terms', ARGV[5])
