-- How long (ms) these people have had a seat already, by what :past says of it (`packed`), and when that is forgotten if nobody
-- takes it meanwhile: sets `used` and `again`. `is_worn`: the seat has to cool off first. It has to if what is left of the total is
-- less than a tenth of an ordinary hold, which is of no use, or less than the replaced hold still has (`promised` ms; 0: none is
-- replaced).
local ended, _, _, list = unpack(cmsgpack.unpack(packed))
used, again = 0, 0
if now - ended < pause then
  for index = 1, #list, 3 do
    for own = 1, #people do
      if people[own] == list[index] and now - list[index + 2] < memory then
        used, again = math.max(used, list[index + 1]), math.max(again, list[index + 2] + memory)
      end
    end
  end
  again = math.min(ended + pause, again)
end
local is_worn = used > 0 and total - used < math.max(ttl / 10, promised)
