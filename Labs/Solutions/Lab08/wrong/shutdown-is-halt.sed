# All ends are taken for a halt.
s/case KVM_EXIT_SHUTDOWN: return .*/case KVM_EXIT_SHUTDOWN, KVM_EXIT_FAIL_ENTRY, KVM_EXIT_INTERNAL_ERROR: return .halted/
/case KVM_EXIT_FAIL_ENTRY: return/,/case KVM_EXIT_INTERNAL_ERROR: return/d
