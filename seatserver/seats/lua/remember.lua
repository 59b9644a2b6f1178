-- Records in :past who has had a seat, and for how long, when their hold or claim ends: see past.lua. Stands after prelude.lua.

-- Write `fields` (seat, packed past, ...) to :past, which then lives for `memory` ms at least.
local function write_past(fields, memory)
  if #fields == 0 then return end
  redis.call('HSET', PAST, unpack(fields))
  if redis.call('PTTL', PAST) < memory then redis.call('PEXPIRE', PAST, memory + 60000) end
end

-- A function that tells since when a hold has had a seat: since it was made, or longer if it took the seat over from another
-- hold of its owner. `carried` (`seat=ms` csv) says how much longer.
local function since_when(since, carried)
  local longer = {}
  for seat, ms in string.gmatch(carried or '', '(%d+)=(%d+)') do longer[seat] = tonumber(ms) end
  return function(seat) return since - (longer[seat] or 0) end
end

-- A hold has ended for these seats at `at`: count it for its people.
local function remember(people, seats, began, at)
  if not people or #seats == 0 then return end
  local known, fields = redis.call('HMGET', PAST, unpack(seats)), {}
  for index, seat in ipairs(seats) do
    fields[#fields + 1], fields[#fields + 2] = seat, past_after(known[index], people, began(seat), at)
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
          -- The booking is somebody new's, and no hold has counted this.
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
          fields[#fields + 1], fields[#fields + 2] = seat, packed_past(past)
        end
      end
    end
    write_past(fields, memory)
  end
end
