-- Since when a hold has had its seats: since it was made, `since`, or longer by `longer[seat]` (ms) if it took the seat over from
-- another hold of its owner. `hold` has its fields as `living.lua` reads them.
local since, longer = tonumber(hold[9] or hold[5]), nil
if hold[10] and hold[10] ~= '' then
  longer = {}
  for seat, ms in string.gmatch(hold[10], '(%d+)=(%d+)') do longer[seat] = tonumber(ms) end
end
