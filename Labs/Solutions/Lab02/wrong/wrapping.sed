# Sums are taken in 32 bits.
s/guard UInt64(address) + length <= UInt64(cpu.psw.bound)/guard address \&+ UInt32(size) <= cpu.psw.bound/
s/let place = UInt64(cpu.psw.base) + UInt64(address)/let place = UInt64(cpu.psw.base \&+ address)/
