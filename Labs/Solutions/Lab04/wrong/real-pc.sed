# The old PSW has the address of the next instruction, as an interrupt's has.
s/\[old.flags, old.pc, old.base, old.bound\]/[old.flags, trap.cause == .supervisorCall ? old.pc + 4 : old.pc, old.base, old.bound]/
