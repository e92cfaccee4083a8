# Interrupts are injected although the guest has turned them off.
s/machine.isInterruptPending && machine.psw.interruptEnable/machine.isInterruptPending/
