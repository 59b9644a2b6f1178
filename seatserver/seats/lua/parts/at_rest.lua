-- Show the seats `over`, at least one, as what they are when nobody holds them and nobody has booked them.
local kept_for = kept_count > 0 and call('HMGET', KEPT, unpack(over))
for at = 1, #over do
  local channel = kept_for and kept_for[at]
  changes[#changes + 1], changes[#changes + 2] = tonumber(over[at]), channel and (channel == '' and BLOCKED or ALLOCATED) or FREE
end
