-- What :past says of a seat, packed: when it became free last; since when a booking of it waits for its payment (0: there is
-- none); who had it when it became free, or has it by that booking, as the text of a hold's people; and a flat list: a name, how
-- long (ms) they have had the seat, and when they last had it; the latest last. The rules are stated in
-- `seatserver.seats.holders`.

local function people_of(text)
  local pause, memory, people
  -- include: people
  return pause and { pause = pause, memory = memory, list = people }
end

-- A booking has put seats into a state. While it waits for its payment it counts for its people (a text), as a hold does.
local function remember_booking(seats, state, text)
  local bookers = state == CLAIMED and people_of(text)
  for first = 1, #seats, SEATS_AT_ONCE do
    local some = { unpack(seats, first, math.min(first + SEATS_AT_ONCE - 1, #seats)) }
    local known, fields, longest = call('HMGET', PAST, unpack(some)), {}, bookers and bookers.memory or 0
    for index, seat in ipairs(some) do
      if known[index] or bookers then
        local ended, claimed, last_text, list = 0, 0, '', {}
        if known[index] then ended, claimed, last_text, list = unpack(cmsgpack.unpack(known[index])) end
        local last = people_of(last_text)
        local theirs = claimed > 0 and last
        local rested = last and not theirs and state ~= FREE and now - ended >= last.pause
        if rested then
          -- The booking is somebody new's, and no hold has counted this.
          ended, claimed, last_text, list, longest = 0, 0, '', {}, math.max(longest, last.memory)
        end
        if theirs then
          local people, memory, ms, at_ms = theirs.list, theirs.memory, math.max(0, now - claimed), now
          -- include: charge
          longest = math.max(longest, memory)
        end
        if theirs or bookers or state == FREE then
          ended, claimed = now, bookers and now or 0
          if bookers then last_text = text end
        end
        if theirs or bookers or rested or state == FREE then
          fields[#fields + 1], fields[#fields + 2] = seat, cmsgpack.pack({ ended, claimed, last_text, list })
        end
      end
    end
    if fields[1] then
      call('HSET', PAST, unpack(fields))
      if call('PTTL', PAST) < longest then call('PEXPIRE', PAST, longest + 60000) end
    end
  end
end
