# The supervisor looks at the base before the user does.
s/li      t0, 0x100000/&\n        getbase t1/
