# jalr writes the link before it reads the target.
s/let target = cpu\[code.b\] &+ code.signed16/cpu[code.a] = pc \&+ 4; let target = cpu[code.b] \&+ code.signed16/
