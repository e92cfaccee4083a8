# The saved pc is the next instruction's, as after a call.
s/cpu.psw.flags, cpu.psw.pc, cpu/cpu.psw.flags, trap.cause == .supervisorCall || trap.cause == .breakpoint ? cpu.psw.pc \&+ 4 : cpu.psw.pc, cpu/
