-- Apply one committed change of what the house keeps to the room, in the order of its sequence.
-- ARGV: seq, kept (0: the seats are open to all, 1: they are kept), channel (empty: blocked for everybody), seats (csv)
-- -> ['applied', pgseq] | ['gap', pgseq] | ['absent', since]
local seq, channel = tonumber(ARGV[1]), ARGV[2] == '1' and ARGV[3]

local room = open_room()
if not room then return absent() end
if seq <= room.pgseq then return answer('applied', room.pgseq) end
if seq > room.pgseq + 1 then return answer('gap', room.pgseq) end

local lost = {}
for _, seat in ipairs(split(ARGV[4])) do
  bereave(lost, keep(seat, channel), seat)
end
notify(lost, 'blocked')
settle(seq)
publish(room)
return answer('applied', seq)
