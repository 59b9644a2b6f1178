-- The new hold takes the place of `old`. Replacing a hold again and again must not keep seats longer than one hold could.
local hold, HOLD = old.fields, base .. ':hold:' .. old.id
created = math.min(created, tonumber(hold[5]))
deadline = math.max(old.deadline, math.min(deadline, created + total))
local wanted, over, left, status, had_longer = {}, {}, '', 'replaced', {}
retained = {}
for at = 1, chosen do wanted[names[at]] = true end
-- include: since_when
for _, seat in ipairs(old.seats) do
  if wanted[seat] then
    retained[seat] = true
    had_longer[#had_longer + 1] = string.format('%s=%d', seat, math.max(0, now - since + (longer and longer[seat] or 0)))
  else
    over[#over + 1] = seat
  end
end
carried = table.concat(had_longer, ',')
-- Free memory first: then Redis lets the script go on although its memory is full.
call('DEL', unpack(old.keys))
if over[1] then
  -- include: let_go
  call('ZREM', USER, unpack(over))
end
-- include: ended
