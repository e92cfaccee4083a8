/// What CPUID tells the guest, fixed so that all engines tell the same.
public enum X86CPUModel {
  /// One answer of CPUID.
  public struct Leaf: Sendable, Hashable {
    /// EAX on entry.
    public var function: UInt32
    /// Results.
    public var eax, ebx, ecx, edx: UInt32
  }

  /// The leaves, in ascending order; others read as zero.
  ///
  /// A plain 64-bit processor without floating point, SSE or APIC features: what is not claimed here a
  /// guest has no business to use.
  public static let leaves: [Leaf] = [
    // Highest basic leaf, and the vendor: KVM's behaviour depends on it, so a known one.
    Leaf(function: 0, eax: 1, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69),
    // Family 6; TSC, MSR, PAE, CX8, PGE, CMOV.
    Leaf(
      function: 1, eax: 0x0000_0601, ebx: 0, ecx: 0,
      edx: 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 13 | 1 << 15),
    // Highest extended leaf.
    Leaf(function: 0x8000_0000, eax: 0x8000_0008, ebx: 0, ecx: 0, edx: 0),
    // LAHF in 64-bit mode; SYSCALL, NX, long mode.
    Leaf(function: 0x8000_0001, eax: 0, ebx: 0, ecx: 1, edx: 1 << 11 | 1 << 20 | 1 << 29),
    // 40 physical and 48 linear address bits.
    Leaf(function: 0x8000_0008, eax: 0x3028, ebx: 0, ecx: 0, edx: 0),
  ]

  /// The answer for a leaf; zero for one that does not exist.
  public static func leaf(_ function: UInt32) -> Leaf {
    leaves.first { $0.function == function } ?? Leaf(function: function, eax: 0, ebx: 0, ecx: 0, edx: 0)
  }
}

#if os(Linux) && arch(x86_64)
  internal import CKVM

  extension X86CPUModel {
    /// Gives the model to a vCPU.
    ///
    /// - Returns: `false` when the kernel refuses, with `errno`.
    static func install(on vcpu: borrowing FileDescriptor, system: borrowing FileDescriptor) -> Bool {
      var list = ckvm_cpuid()
      for (index, leaf) in leaves.enumerated() {
        var entry = kvm_cpuid_entry2()
        entry.function = leaf.function
        (entry.eax, entry.ebx, entry.ecx, entry.edx) = (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx)
        ckvm_cpuid_set(&list, UInt32(index), entry)
      }
      list.nent = UInt32(leaves.count)
      return vcpu.call(ckvm_set_cpuid2, &list) == 0
    }
  }
#endif
