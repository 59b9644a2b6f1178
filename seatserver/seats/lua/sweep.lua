-- End the holds whose deadline has passed, and say how long it is until the next one is due.
-- ARGV: none
-- -> ['swept', freed, ms until the next deadline or -1] | ['absent', since]
if not epoch then
  -- include: absent
end
local next_due, freed = call('ZRANGE', DUE, '0', '0', 'WITHSCORES'), 0
if next_due[2] and tonumber(next_due[2]) <= now then
  -- include: steps
  expire()
  freed = #changes / 2
  -- include: publish
  next_due = call('ZRANGE', DUE, '0', '0', 'WITHSCORES')
end
-- While something is held, each sweep notes the time, so that a step back of the clock is noticed even if nothing changes.
if next_due[2] and freed == 0 then call('HSET', META, 'clock', now_text) end
return cmsgpack.pack({ 'swept', freed, next_due[2] and math.max(0, next_due[2] - now) or -1 })
