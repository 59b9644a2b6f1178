-- The fields of the hold at HOLD, as those who include this number them.
local hold = call('HMGET', HOLD, 'user', 'seats', 'status', 'deadline', 'created', 'fence', 'pinned', 'replay', 'since',
  'carried', 'people', 'terms', 'channel', 'asked')
