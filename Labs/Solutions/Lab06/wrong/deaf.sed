# Interrupts that an instruction turns on have to wait for the end of the loop.
s/if machine.isInterruptPending \&\& machine.psw.interruptEnable { return nil }//
