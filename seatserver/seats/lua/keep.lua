-- Apply one committed change of what the house keeps to the room, in the order of its sequence.
-- ARGV: seq, kept (0: the seats are open to all, 1: they are kept), channel (empty: blocked for everybody), seats (csv)
-- -> ['applied', pgseq] | ['gap', pgseq] | ['absent', since]
local seq = tonumber(ARGV[1])
if not epoch then
  -- include: absent
end
-- include: in_order
-- include: steps
-- include: bookings

local seats = {}
for seat in string.gmatch(ARGV[4], '%d+') do seats[#seats + 1] = seat end
local lost, theirs = keep(seats, ARGV[2] == '1' and ARGV[3])
notify(lost, theirs, 'blocked')
settle(seq)
-- include: publish
return cmsgpack.pack({ 'applied', seq })
