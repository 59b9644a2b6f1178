-- Whether what the rules were judged by has changed. `was_free` says of each of `names` after the first `chosen` whether it was
-- free; `judged` is epoch:version (empty: any room will do), `own_lock` that of seats that count as free. If something has
-- changed, answers those seats and their states.
local moved
for at = chosen + 1, count do
  local state = FREE
  if taken[at] then
    state = tonumber(taken[at])
  elseif locks[at] then
    state = locks[at] == own_lock and FREE or HELD
  elseif kept[at] and (kept[at] == '' or kept[at] ~= channel) then
    state = kept[at] == '' and BLOCKED or ALLOCATED
  end
  if (state == FREE) ~= was_free[at] then
    moved = moved or {}
    moved[#moved + 1], moved[#moved + 2] = tonumber(names[at]), state
  end
end
if moved or (judged ~= '' and judged ~= epoch .. ':' .. (version + ((changes[1] or notices[1]) and 1 or 0))) then
  -- include: publish
  return cmsgpack.pack({ 'stale', moved or {} })
end
