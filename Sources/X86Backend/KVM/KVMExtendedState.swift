#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// Model-specific registers, and the x87 and SSE registers.
  extension KVMVirtualMachine {
    /// Model-specific registers of the state that KVM has as such, with their numbers.
    ///
    /// EFER, the APIC base and the bases of FS and GS are among its system registers; the time-stamp counter
    /// runs by the host's clock and is none of the state.
    static let modelSpecific: [(register: X86Register, index: UInt32)] = X86ModelSpecific.all.compactMap {
      entry in
      switch entry.register {
      case nil, .efer, .apicBase, .fsBase, .gsBase, .timeOffset: nil
      case let register?: (register, entry.number)
      }
    }

    /// Those that decide where the guest goes: a value that is refused would make it go elsewhere.
    private static let needed: Set<X86Register> = [
      .star, .lstar, .cstar, .sfmask, .kernelGSBase, .sysenterCS, .sysenterESP, .sysenterEIP,
    ]

    /// Reads the registers; one that the host does not have stays as it is.
    func readModelSpecific(into state: inout ProcessorState) {
      var start = 0
      while start < Self.modelSpecific.count {
        var list = ckvm_msrs()
        let rest = Self.modelSpecific[start...]
        list.nmsrs = UInt32(rest.count)
        for (at, entry) in rest.enumerated() { ckvm_msr_set(&list, UInt32(at), entry.index, 0) }
        let count = min(max(0, Int(vcpu.call(ckvm_get_msrs, &list))), rest.count)
        for (at, entry) in rest.prefix(count).enumerated() {
          state[entry.register] = ckvm_msr_get(&list, UInt32(at))
        }
        // KVM stops at the first that it cannot read.
        start += count + 1
      }
    }

    /// Writes the registers.
    ///
    /// - Throws: ``KVMError/cannotRun(_:)`` when a register that branches depend on is refused.
    func writeModelSpecific(_ state: ProcessorState) throws(KVMError) {
      var start = 0
      while start < Self.modelSpecific.count {
        var list = ckvm_msrs()
        let rest = Self.modelSpecific[start...]
        list.nmsrs = UInt32(rest.count)
        for (at, entry) in rest.enumerated() {
          ckvm_msr_set(&list, UInt32(at), entry.index, state[entry.register])
        }
        let count = min(max(0, Int(vcpu.call(ckvm_set_msrs, &list))), rest.count)
        start += count
        guard start < Self.modelSpecific.count else { return }
        let refused = Self.modelSpecific[start].register
        if Self.needed.contains(refused) {
          throw .cannotRun("KVM_SET_MSRS refused the value of \(refused.name)")
        }
        start += 1
      }
    }

    // MARK: x87 and SSE

    /// Offsets in the XSAVE area (Intel SDM vol. 1, 13.4).
    private enum Area {
      static let controlWord = 0
      static let mxcsr = 24
      static let mxcsrMask = 28..<32
      /// Bytes for software; kernels keep notes of their own there.
      static let software = 464..<512
      static let components = 512..<520
      static let size = 4096
    }

    /// The area of a vCPU that never ran: what FNINIT leaves, and MXCSR after reset; no component in use.
    private static let resetArea: [UInt8] = {
      var area = [UInt8](repeating: 0, count: Area.size)
      (area[Area.controlWord], area[Area.controlWord + 1]) = (0x7F, 0x03)
      (area[Area.mxcsr], area[Area.mxcsr + 1]) = (0x80, 0x1F)
      return area
    }()

    /// The registers as XSAVE stores them, without the zeros at the end; empty while they are as after a reset.
    func readExtended() throws(KVMError) -> [UInt8] {
      guard hasExtended else { return [] }
      var area = kvm_xsave()
      try check(vcpu.call(ckvm_get_xsave, &area), "KVM_GET_XSAVE")
      var bytes = withUnsafeBytes(of: area) { [UInt8]($0.prefix(Area.size)) }
      for place in Area.software { bytes[place] = 0 }
      // The mask is the host's, and the list of components in use says nothing where all are as after a reset.
      var plain = bytes
      for range in [Area.mxcsrMask, Area.components] { for place in range { plain[place] = 0 } }
      if plain == Self.resetArea { return [] }
      while bytes.last == 0 { bytes.removeLast() }
      return bytes
    }

    /// Writes the registers; what cannot be written reads back otherwise.
    func writeExtended(_ bytes: [UInt8]) throws(KVMError) {
      guard hasExtended, bytes.count <= Area.size else { return }
      var source = bytes
      if source.isEmpty { source = Self.resetArea }
      var area = kvm_xsave()
      withUnsafeMutableBytes(of: &area) { $0.copyBytes(from: source) }
      guard vcpu.call(ckvm_set_xsave, &area) == 0 else {
        // Reserved bits, or components that this host does not have: nothing of it was taken.
        if bytes.isEmpty { throw .cannotRun("KVM_SET_XSAVE failed: \(errorText())") }
        return
      }
    }
  }
#endif
