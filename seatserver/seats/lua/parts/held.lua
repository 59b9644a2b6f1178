-- Answer what extend, pin and a repeated hold say of a living hold. `oldest` is when it reaches its total age (`total` ms), and no
-- extension goes past that.
return cmsgpack.pack({ 'held', numbers, deadline, tonumber(hold[6]), hold[12] or '', hold[13] or '', hold[14] or '', hold[5] + total })
