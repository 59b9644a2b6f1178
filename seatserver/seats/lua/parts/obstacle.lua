-- Why the seat `at` of those that were read cannot be had, as `why`; nil if it can. `used`: how long (ms) these people have had
-- it already. `again`: when it has cooled off, if they have had it too long. `own_lock` is that of the hold to be replaced. Of the
-- seat before: `packed` and `had`.
local why, again, used = nil, nil, 0
if taken[at] then
  why = 'sold'
elseif locks[at] and locks[at] ~= own_lock then
  why = 'held'
elseif kept[at] and (kept[at] == '' or kept[at] ~= channel) then
  why = kept[at] == '' and 'blocked' or 'allocated'
elseif not (taking or locks[at]) then
  why = 'blocked'
elseif past[at] and not locks[at] then
  if not people then
    -- include: people
  end
  -- Seats that are always taken together have the same past.
  if past[at] ~= packed then
    packed = past[at]
    -- include: had_it
    had = { used, again, is_worn }
  end
  used, again, why = had[1], had[2], had[3] and 'cooling' or nil
end
