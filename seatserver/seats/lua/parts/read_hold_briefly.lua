-- As read_hold.lua, without what only answers need.
local hold = call('HMGET', HOLD, 'user', 'seats', 'status', 'deadline', 'created', 'fence', 'pinned', 'replay', 'since',
  'carried', 'people')
