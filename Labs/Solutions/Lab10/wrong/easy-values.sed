# Easy values only: shift counts below 32, no equal numbers in `bge`, no compare-and-swap that fails.
s/li      s1, 33$/li      s1, 1/
s/^        taken   bge, s1, s2$//
/li      t1, 7$/,/check   t0, 0x99$/d
