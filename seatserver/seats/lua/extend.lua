-- Ask for more time, up to a total age and not past `latest`.
-- ARGV: hold_id, user, ttl_ms, total_ms, latest (ms)
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['gone', status] | ['absent', since]
local held_id, user, total = ARGV[1], ARGV[2], tonumber(ARGV[4])
if not epoch then
  -- include: absent
end
local HOLD = base .. ':hold:' .. held_id
-- include: read_hold
-- include: living
if why then return cmsgpack.pack({ 'gone', why }) end
local before = tonumber(hold[4])
local deadline = math.max(before, math.min(now + ARGV[3], hold[5] + total, tonumber(ARGV[5])))
if deadline > before then
  -- include: prolong
end
-- include: held
