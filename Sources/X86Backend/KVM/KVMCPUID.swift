#if os(Linux) && arch(x86_64)
  internal import CKVM

  extension X86CPUID {
    /// Gives the answers of CPUID to a vCPU.
    ///
    /// - Returns: `false` when the kernel refuses, with `errno`.
    static func install(on vcpu: borrowing FileDescriptor) -> Bool {
      var list = ckvm_cpuid()
      for (index, leaf) in leaves.enumerated() {
        var entry = kvm_cpuid_entry2()
        entry.function = leaf.leaf
        (entry.eax, entry.ebx, entry.ecx, entry.edx) = (leaf.eax, leaf.ebx, leaf.ecx, leaf.edx)
        ckvm_cpuid_set(&list, UInt32(index), entry)
      }
      list.nent = UInt32(leaves.count)
      return vcpu.call(ckvm_set_cpuid2, &list) == 0
    }
  }
#endif
