# The trap handler runs in the mode of the program.
s/flags: new\[0\]/flags: new[0] | (cpu.psw.user ? 1 : 0)/
