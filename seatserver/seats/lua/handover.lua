-- Make a hold somebody else's: the same seats, the same clock, and no moment in between in which they are free.
-- ARGV: hold_id, user, to (the new owner), people (theirs, `seatserver.seats.holders`), cap, total_ms
-- -> ['held', [seat, ...], deadline, fence, terms, channel, asked, oldest] | ['refused', [seat, 'limit', ...], []]
--    | ['pinned', until] | ['gone', status] | ['absent', since]
-- How long the first owner had the seats counts for nobody: they are told apart as the customers of a sales channel are.
local held_id, user, to, total = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[6])
if not epoch then
  -- include: absent
end
local HOLD = base .. ':hold:' .. held_id
-- include: read_hold
-- It is theirs already: the reply was lost, or they ask twice.
if hold[1] == to then user = to end
-- include: living
if why then return cmsgpack.pack({ 'gone', why }) end
local deadline = tonumber(hold[4])
if user ~= to then
  local pinned = tonumber(hold[7])
  if pinned > now then return cmsgpack.pack({ 'pinned', pinned }) end
  local USER, deadline_text, kept_ms = base .. ':user:' .. to, hold[4], deadline - now + hold[8]
  if call('ZCOUNT', USER, '(' .. now_text, '+inf') + #seats > tonumber(ARGV[5]) then
    local refused = {}
    for at = 1, #seats do refused[2 * at - 1], refused[2 * at] = numbers[at], 'limit' end
    return cmsgpack.pack({ 'refused', refused, {} })
  end
  local due, owned = { nil, nil, nil, nil }, { nil, nil, nil, nil }
  for at = 1, #seats do
    due[2 * at - 1], due[2 * at] = deadline_text, seats[at]
    owned[2 * at - 1], owned[2 * at] = seats[at], held_id .. to
  end
  -- Free memory first: then Redis lets the script go on although its memory is full.
  call('ZREM', base .. ':user:' .. user, unpack(seats))
  call('ZADD', USER, unpack(due))
  -- A minute is added, as where holds are made.
  if call('PTTL', USER) < kept_ms then call('PEXPIRE', USER, string.format('%.0f', kept_ms + 60000)) end
  call('HSET', OWNER, unpack(owned))
  call('HSET', HOLD, 'user', to, 'people', ARGV[4], 'since', now_text, 'carried', '')
  notices[1], notices[2] = { 'holds', user, held_id, {} }, { 'holds', to, held_id, {} }
  -- include: publish
end
-- include: held
