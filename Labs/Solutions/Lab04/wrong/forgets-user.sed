# Privileged instructions are emulated for the guest's users, too.
s/trap.cause == .privileged && !machine.psw.user ?/trap.cause == .privileged ?/
