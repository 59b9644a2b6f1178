-- The seats `over`, at least one, whose locks are deleted already, are held no more: show them as what they are when nobody holds
-- them and nobody has booked them.
call('ZREM', DUE, unpack(over))
call('HDEL', OWNER, unpack(over))
-- include: at_rest
