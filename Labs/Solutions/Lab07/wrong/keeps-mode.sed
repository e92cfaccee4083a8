# The mode is passed on as it comes.
s/PSW(user: true, pc: virtual.pc/PSW(user: virtual.user, pc: virtual.pc/
