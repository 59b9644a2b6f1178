-- Make sure that this user holds every seat of the hold, and keep it so while its booking is written.
-- ARGV: hold_id, user, checkout_ms, total_ms, latest (ms: the last deadline of any hold)
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['gone', status] | ['absent', since]
local held_id, user, checkout, total = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
if not epoch then
  -- include: absent
end
local HOLD = base .. ':hold:' .. held_id
-- include: read_hold
-- include: living
if why then return cmsgpack.pack({ 'gone', why }) end
-- Past the hold's last deadline by one checkout at most, so that nobody keeps seats by pinning again and again.
local before, pinned_before, from = tonumber(hold[4]), tonumber(hold[7]), math.min(now, hold[5] + total)
local pinned = math.min(from, tonumber(ARGV[5])) + checkout
-- If the end of the sale was moved to an earlier time, the first checkout still gets its whole time; later ones get no more.
pinned = math.max(pinned, pinned_before == 0 and from + checkout or pinned_before)
local deadline = math.max(before, pinned)
if deadline > before then
  -- include: prolong
end
call('HSET', HOLD, 'pinned', string.format('%.0f', pinned))
-- include: held
