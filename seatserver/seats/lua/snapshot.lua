-- Read the whole room at one version. Changes nothing.
-- ARGV: none
-- -> ['room', epoch, version, pgseq, ms until the next deadline or -1, [taken seat, state, ...], [held seat, ...],
--     [kept seat, channel, ...]] | ['moved', epoch] | ['absent', since]
-- `moved`: the epoch began in another Redis process and has to be renewed.
local room = open_room()
if not room then return absent() end
if redis.call('HGET', META, 'run') ~= this_run() then return answer('moved', room.epoch) end
local taken = redis.call('HGETALL', TAKEN)
for index, value in ipairs(taken) do taken[index] = tonumber(value) end
local kept = redis.call('HGETALL', KEPT)
for index = 1, #kept, 2 do kept[index] = tonumber(kept[index]) end
-- A hold past its deadline that nobody has swept yet is still HELD at this version; the sweep makes the next version.
local held = seat_numbers(redis.call('ZRANGE', DUE, 0, -1))
local next_due = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
return answer('room', room.epoch, room.version, room.pgseq,
  next_due[2] and math.max(0, tonumber(next_due[2]) - now) or -1, taken, held, kept)
