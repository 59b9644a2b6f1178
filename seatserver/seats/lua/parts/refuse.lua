-- Refuse a hold: name each seat that has a reason once.
local refused, again, said = {}, {}, {}
for at = 1, numbered + (others and #others or 0) do
  local seat = at <= numbered and names[at] or others[at - numbered]
  local why = reasons[seat]
  if why and not said[seat] then
    said[seat] = true
    refused[#refused + 1], refused[#refused + 2] = tonumber(seat), why
    if why == 'cooling' then again[#again + 1], again[#again + 2] = tonumber(seat), cooling[seat] end
  end
end
return cmsgpack.pack({ 'refused', refused, again })
