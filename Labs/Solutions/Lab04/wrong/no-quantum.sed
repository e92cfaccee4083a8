# A guest with interrupts off keeps the processor.
s/return min(machine.untilDeadline, VirtualMachine.quantum)/return machine.untilDeadline/
