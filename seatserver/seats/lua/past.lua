-- Who has had a seat, and for how long: the rules are stated in `seatserver.seats.holders`. Stands after prelude.lua.

-- The people of a hold, as `seatserver.seats.holders` writes them: {pause, memory, names, text}; nil where an earlier release wrote
-- none.
local function people_of(text)
  local pause, memory, names = string.match(text or '', '^(%d+)|(%d+)|(.+)$')
  if not pause then return nil end
  local list = {}
  for name in string.gmatch(names, '[^,]+') do list[#list + 1] = name end
  return { pause = tonumber(pause), memory = tonumber(memory), names = list, text = text }
end

-- What :past says of a seat: `ended`, when it became free last; `people` (a text), who had it then, or have it by a booking
-- that waits for its payment since `claimed` (0: there is none); `list` of name, ms that they have had the seat, when that was last; the latest last.
local function past_of(packed)
  if not packed then return { ended = 0, claimed = 0, people = '', list = {} } end
  local fields = cmsgpack.unpack(packed)
  return { ended = fields[1], claimed = fields[2], people = fields[3], list = fields[4] }
end

-- Count `ms` more for each of the people, up to `at`; those of long ago are forgotten.
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
  past.list = { unpack(list, spare + 1) }
end

-- Write what `fields` has of seats (seat, past, ...), to be kept for `memory` ms at least.
local function write_past(fields, memory)
  if #fields == 0 then return end
  for index = 2, #fields, 2 do
    local past = fields[index]
    fields[index] = cmsgpack.pack({ past.ended, past.claimed, past.people, past.list })
  end
  redis.call('HSET', PAST, unpack(fields))
  if redis.call('PTTL', PAST) < memory then redis.call('PEXPIRE', PAST, memory + 60000) end
end

-- Since when a hold has had each of its seats: longer than itself where it took over from another one of its owner.
-- `carried` is `seat=ms` csv: so much longer.
local function since_when(since, carried)
  local longer = {}
  for seat, ms in string.gmatch(carried or '', '(%d+)=(%d+)') do longer[seat] = tonumber(ms) end
  return function(seat) return since - (longer[seat] or 0) end
end

-- A hold has ended for these seats at `at`: count it for its people. A seat that was free for the whole pause before the
-- hold began has no past.
local function remember(people, seats, began, at)
  if not people or #seats == 0 then return end
  local known, fields = redis.call('HMGET', PAST, unpack(seats)), {}
  for index, seat in ipairs(seats) do
    local past = past_of(known[index])
    if began(seat) - past.ended >= people.pause then past = past_of(false) end
    charge(past, people, math.max(0, at - began(seat)), at)
    past.ended, past.people = math.max(past.ended, at), people.text
    fields[#fields + 1], fields[#fields + 2] = seat, past
  end
  write_past(fields, people.memory)
end

-- A booking has put seats into a state. While it waits for its payment it counts for its people (a text), as a hold does.
local function remember_booking(seats, state, text)
  local people = state == CLAIMED and people_of(text)
  for first = 1, #seats, GUARDS_AT_ONCE do
    local some = { unpack(seats, first, math.min(first + GUARDS_AT_ONCE - 1, #seats)) }
    local known, fields, memory = redis.call('HMGET', PAST, unpack(some)), {}, people and people.memory or 0
    for index, seat in ipairs(some) do
      local past = (known[index] or people) and past_of(known[index])
      if past then
        local last = people_of(past.people)
        local theirs = past.claimed > 0 and last
        local rested = last and not theirs and state ~= FREE and now - past.ended >= last.pause
        if rested then
          -- Somebody new, without a hold that would say so.
          past, memory = past_of(false), math.max(memory, last.memory)
        end
        if theirs then
          charge(past, theirs, math.max(0, now - past.claimed), now)
          memory = math.max(memory, theirs.memory)
        end
        if theirs or people or state == FREE then
          past.ended, past.claimed = now, people and now or 0
          if people then past.people = text end
        end
        if theirs or people or rested or state == FREE then
          fields[#fields + 1], fields[#fields + 2] = seat, past
        end
      end
    end
    write_past(fields, memory)
  end
end
