-- The living holds of one user, for a client that comes back. Changes nothing.
-- ARGV: user, total_ms
-- -> ['holds', [hold_id, [seat, ...], deadline, fence, terms, channel, asked, oldest, ...]] | ['absent', since]
local user, total = ARGV[1], tonumber(ARGV[2])
if not epoch then
  -- include: absent
end
local found, seen, theirs = {}, {}, call('ZRANGEBYSCORE', base .. ':user:' .. user, '(' .. now_text, '+inf')
for _, owner in ipairs(theirs[1] and call('HMGET', OWNER, unpack(theirs)) or {}) do
  local held_id = owner and string.sub(owner, 1, 36)
  if held_id and not seen[held_id] then
    seen[held_id] = true
    local HOLD = base .. ':hold:' .. held_id
    -- include: read_hold
    -- include: living
    if not why then
      for _, value in ipairs({ held_id, numbers, tonumber(hold[4]), tonumber(hold[6]), hold[12] or '', hold[13] or '',
        hold[14] or '', hold[5] + total }) do
        found[#found + 1] = value
      end
    end
  end
end
return cmsgpack.pack({ 'holds', found })
