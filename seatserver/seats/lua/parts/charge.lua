-- Add `ms` to what each of `people` has had of a seat, as of `at_ms`, and forget those who had it long ago: `list` is a new one
-- afterwards. At most sixteen people are remembered of a seat.
local had, charged = {}, {}
for index = 1, #list, 3 do
  local name, used, last = list[index], list[index + 1], list[index + 2]
  had[name] = used
  local is_one = false
  for own = 1, #people do is_one = is_one or people[own] == name end
  if not is_one and at_ms - last < memory then
    charged[#charged + 1], charged[#charged + 2], charged[#charged + 3] = name, used, last
  end
end
for own = 1, #people do
  local name = people[own]
  charged[#charged + 1], charged[#charged + 2], charged[#charged + 3] = name, (had[name] or 0) + ms, at_ms
end
list = #charged <= 48 and charged or { unpack(charged, #charged - 47) }
