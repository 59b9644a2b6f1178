-- Read the whole room at one version. Changes nothing.
-- ARGV: none
-- -> ['room', epoch, version, pgseq, ms until the next deadline or -1, [taken seat, state, ...], [held seat, ...],
--     [kept seat, channel, ...]] | ['moved', epoch] | ['absent', since]
-- `moved`: the epoch began in another Redis process and has to be renewed.
if not epoch then
  -- include: absent
end
-- include: this_run
local since = call('HMGET', META, 'run', 'pgseq')
if since[1] ~= this_run then return cmsgpack.pack({ 'moved', epoch }) end
local taken = call('HGETALL', TAKEN)
for index, value in ipairs(taken) do taken[index] = tonumber(value) end
local kept = call('HGETALL', KEPT)
for index = 1, #kept, 2 do kept[index] = tonumber(kept[index]) end
-- A hold past its deadline that nobody has swept yet is still HELD at this version; the sweep makes the next version.
local held = call('ZRANGE', DUE, '0', '-1')
local next_due = held[1] and call('ZSCORE', DUE, held[1])
for index, seat in ipairs(held) do held[index] = tonumber(seat) end
return cmsgpack.pack({ 'room', epoch, tonumber(version), tonumber(since[2]),
  next_due and math.max(0, next_due - now) or -1, taken, held, kept })
