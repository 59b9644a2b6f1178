-- Read the people of a hold, as `seatserver.seats.holders` writes them in `text`: `pause` and `memory` (ms; nil for a hold that an
-- older instance made without people), and the list `people`. All three are declared where this stands.
people = {}
local pause_text, memory_text, listed = string.match(text or '', '^(%d+)|(%d+)|(.+)$')
if pause_text then
  pause, memory = tonumber(pause_text), tonumber(memory_text)
  for name in string.gmatch(listed, '[^,]+') do people[#people + 1] = name end
end
