# A halt is taken for a pause: the guest runs on behind its last instruction, for ever.
s/case KVM_EXIT_HLT: return \.halted/case KVM_EXIT_HLT: continue/
