# The guest always gets the whole quantum; timers run out late.
s/return min(machine.untilDeadline, VirtualMachine.quantum)/return VirtualMachine.quantum/
