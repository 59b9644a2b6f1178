-- Redis lacks this showtime: note since when. An absence is remembered for a minute; a load that takes longer reads Postgres
-- once more.
call('SET', base .. ':absent', clock[1] .. '.' .. clock[2], 'NX', 'PX', '60000')
return cmsgpack.pack({ 'absent', call('GET', base .. ':absent') })
