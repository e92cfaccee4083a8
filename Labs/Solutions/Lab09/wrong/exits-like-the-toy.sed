# KVM is taken for a VMM that every trap exits to.
s/\("x86", "\(syscall\|pgfault\|divzero\)", "exits"\), 0, 16/\1, 2, 20/
