/// KVM's exit reasons, in KVM's own words and numbers.
public enum KVMExit {
  /// Names by number, without the `KVM_EXIT_` that they all begin with.
  public static let names = [
    "UNKNOWN", "EXCEPTION", "IO", "HYPERCALL", "DEBUG", "HLT", "MMIO", "IRQ_WINDOW_OPEN", "SHUTDOWN",
    "FAIL_ENTRY", "INTR", "SET_TPR", "TPR_ACCESS", "S390_SIEIC", "S390_RESET", "DCR", "NMI",
    "INTERNAL_ERROR", "OSI", "PAPR_HCALL", "S390_UCONTROL", "WATCHDOG", "S390_TSCH", "EPR", "SYSTEM_EVENT",
    "S390_STSI", "IOAPIC_EOI", "HYPERV", "ARM_NISV", "X86_RDMSR", "X86_WRMSR", "DIRTY_RING_FULL",
    "AP_RESET_HOLD", "X86_BUS_LOCK", "XEN", "RISCV_SBI", "RISCV_CSR", "NOTIFY", "LOONGARCH_IOCSR",
    "MEMORY_FAULT",
  ]

  /// The name of a reason; its number where this list is older than the kernel.
  public static func name(_ reason: UInt32) -> String {
    Int(reason) < names.count ? names[Int(reason)] : "\(reason)"
  }
}
