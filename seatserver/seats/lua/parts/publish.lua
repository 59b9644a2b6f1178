-- Make what this run has changed the room's next version, and tell everybody.
-- [epoch, from, version, now, soonest deadline set here or 0, [seat, state, ...], [[kind, user, hold_id, [seat, ...]], ...],
--  how late holds were ended or -1]
if changes[1] or notices[1] then
  local from = tonumber(version)
  version = string.format('%d', from + 1)
  call('HSET', META, 'version', version, 'fence', fence, 'clock', now_text)
  call('PUBLISH', base .. ':feed', cmsgpack.pack({ epoch, from, from + 1, now, soonest, changes, notices, late }))
end
