-- Changes of Postgres come in the order of their `seq`: one that is known does nothing, and one is missing before a later one.
local pgseq = tonumber(call('HGET', META, 'pgseq'))
if seq <= pgseq then return cmsgpack.pack({ 'applied', pgseq }) end
if seq > pgseq + 1 then return cmsgpack.pack({ 'gap', pgseq }) end
