# Believes that the flaw shows in the guest's own user mode.
/li      r11, 1/{n;s/j       sensitive/la      t1, sensitive\n        jrst    t1/}
