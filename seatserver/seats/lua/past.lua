-- Who has had a seat, and for how long, as :past records it. The rules are stated in `seatserver.seats.holders`. Stands first in
-- every script: the quick way through a verb (`quick_*.lua`) needs it, and it needs nothing.

local MOST_PEOPLE = 16
-- How far the clock may go back (ms) without any effect: time servers correct it by less all the time.
local CLOCK_SLACK = 1000

-- The people of a hold, as `seatserver.seats.holders` writes them: {pause, memory, names, text}; nil for a
-- hold that an older instance made without them.
local function people_of(text)
  local pause, memory, names = string.match(text or '', '^(%d+)|(%d+)|(.+)$')
  if not pause then return nil end
  local list = {}
  for name in string.gmatch(names, '[^,]+') do list[#list + 1] = name end
  return { pause = tonumber(pause), memory = tonumber(memory), names = list, text = text }
end

-- What :past says of a seat: `ended`, when it became free last; `people` (a text), who had it then, or have it by a booking
-- that waits for its payment since `claimed` (0: there is none); `list`, flat: a name, how long (ms) they have had the seat,
-- and when they last had it; the latest last.
local function past_of(packed)
  if not packed then return { ended = 0, claimed = 0, people = '', list = {} } end
  local fields = cmsgpack.unpack(packed)
  return { ended = fields[1], claimed = fields[2], people = fields[3], list = fields[4] }
end

local function packed_past(past) return cmsgpack.pack({ past.ended, past.claimed, past.people, past.list }) end

-- Add `ms` to what each of the people has had, as of `at`; forget those who had the seat long ago.
local function charge(past, people, ms, at)
  local list, had = {}, {}
  for index = 1, #past.list, 3 do
    local name, used, last = past.list[index], past.list[index + 1], past.list[index + 2]
    had[name] = used
    local is_one = false
    for _, own in ipairs(people.names) do is_one = is_one or own == name end
    if not is_one and at - last < people.memory then
      list[#list + 1], list[#list + 2], list[#list + 3] = name, used, last
    end
  end
  for _, name in ipairs(people.names) do
    list[#list + 1], list[#list + 2], list[#list + 3] = name, (had[name] or 0) + ms, at
  end
  local spare = math.max(0, #list - 3 * MOST_PEOPLE)
  past.list = spare == 0 and list or { unpack(list, spare + 1) }
end

-- What :past says once a hold of these people, who had the seat from `began` to `at`, has ended. A seat that was free for the
-- whole pause before the hold began has no past.
local function past_after(packed, people, began, at)
  local past = past_of(packed)
  if began - past.ended >= people.pause then past = past_of(false) end
  charge(past, people, math.max(0, at - began), at)
  past.ended, past.people = math.max(past.ended, at), people.text
  return packed_past(past)
end

-- How long (ms) these people have had a seat already, and when that is forgotten if nobody takes it meanwhile.
local function had_it(packed, people, now)
  local past = past_of(packed)
  if now - past.ended >= people.pause then return 0, 0 end
  local longest, again = 0, 0
  for index = 1, #past.list, 3 do
    local name, used, last = past.list[index], past.list[index + 1], past.list[index + 2]
    for _, own in ipairs(people.names) do
      if own == name and now - last < people.memory then
        longest, again = math.max(longest, used), math.max(again, last + people.memory)
      end
    end
  end
  return longest, math.min(past.ended + people.pause, again)
end

-- Whether a seat that these people have had for `used` ms has to cool off first. It has to if what is left of the total is
-- less than a tenth of an ordinary hold, which is of no use, or less than the replaced hold still has (`promised` ms; 0: none
-- is replaced).
local function is_worn(used, total, ttl, promised) return used > 0 and total - used < math.max(ttl / 10, promised) end
