#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// Between ``ProcessorState`` and KVM's register structures.
  extension KVMVirtualMachine {
    /// Model-specific registers of the state, with their numbers.
    static let modelSpecific: [(register: X86Register, index: UInt32)] = [
      (.star, 0xC000_0081), (.lstar, 0xC000_0082), (.cstar, 0xC000_0083), (.sfmask, 0xC000_0084),
      (.kernelGSBase, 0xC000_0102), (.sysenterCS, 0x174), (.sysenterESP, 0x175), (.sysenterEIP, 0x176),
    ]

    /// Reads the whole state; any pending I/O must be complete.
    ///
    /// - Throws: ``KVMError/cannotRun(_:)`` naming the call that failed.
    func readState(halted: Bool) throws(KVMError) -> ProcessorState {
      // What is not read below is as it was written.
      var state =
        written ?? ProcessorState(registers: [UInt64](repeating: 0, count: X86Register.allCases.count))
      var general = kvm_regs()
      try check(vcpu.call(ckvm_get_regs, &general), "KVM_GET_REGS")
      var system = kvm_sregs()
      try check(vcpu.call(ckvm_get_sregs, &system), "KVM_GET_SREGS")
      Self.read(general, into: &state)
      Self.read(system, into: &state)
      var list = ckvm_msrs()
      list.nmsrs = UInt32(Self.modelSpecific.count)
      for (at, entry) in Self.modelSpecific.enumerated() { ckvm_msr_set(&list, UInt32(at), entry.index, 0) }
      let count = vcpu.call(ckvm_get_msrs, &list)
      guard count == Int32(Self.modelSpecific.count) else {
        throw .cannotRun("KVM_GET_MSRS read \(count) of \(Self.modelSpecific.count) registers")
      }
      for (at, entry) in Self.modelSpecific.enumerated() {
        state[entry.register] = ckvm_msr_get(&list, UInt32(at))
      }
      if hasDebugRegisters {
        var debug = kvm_debugregs()
        try check(vcpu.call(ckvm_get_debugregs, &debug), "KVM_GET_DEBUGREGS")
        (
          state[.dr0], state[.dr1], state[.dr2], state[.dr3]
        ) = debug.db
        state[.dr6] = debug.dr6
        state[.dr7] = debug.dr7
      }
      state[.halted] = halted ? 1 : 0
      return state
    }

    /// Writes the whole state.
    ///
    /// - Throws: ``KVMError/cannotRun(_:)`` naming the call that failed.
    func writeState(_ state: ProcessorState) throws(KVMError) {
      written = state
      var system = kvm_sregs()
      // The APIC base is KVM's own and stays as it is.
      try check(vcpu.call(ckvm_get_sregs, &system), "KVM_GET_SREGS")
      Self.write(state, into: &system)
      try check(vcpu.call(ckvm_set_sregs, &system), "KVM_SET_SREGS")
      var list = ckvm_msrs()
      list.nmsrs = UInt32(Self.modelSpecific.count)
      for (at, entry) in Self.modelSpecific.enumerated() {
        ckvm_msr_set(&list, UInt32(at), entry.index, state[entry.register])
      }
      let count = vcpu.call(ckvm_set_msrs, &list)
      guard count == Int32(Self.modelSpecific.count) else {
        let name = Self.modelSpecific[min(max(Int(count), 0), Self.modelSpecific.count - 1)].register.name
        throw .cannotRun("KVM_SET_MSRS refused the value of \(name)")
      }
      if hasDebugRegisters {
        var debug = kvm_debugregs()
        debug.db = (
          state[.dr0], state[.dr1], state[.dr2], state[.dr3]
        )
        debug.dr6 = state[.dr6]
        debug.dr7 = state[.dr7]
        try check(vcpu.call(ckvm_set_debugregs, &debug), "KVM_SET_DEBUGREGS")
      }
      // Nothing of what the vCPU was about to deliver belongs to the new state.
      var events = kvm_vcpu_events()
      _ = vcpu.call(ckvm_set_vcpu_events, &events)
      var general = kvm_regs()
      Self.write(state, into: &general)
      try check(vcpu.call(ckvm_set_regs, &general), "KVM_SET_REGS")
    }

    private func check(_ status: Int32, _ call: String) throws(KVMError) {
      guard status >= 0 else { throw .cannotRun("\(call) failed: \(errorText())") }
    }

    static func read(_ general: kvm_regs, into state: inout ProcessorState) {
      state[.rax] = general.rax
      state[.rcx] = general.rcx
      state[.rdx] = general.rdx
      state[.rbx] = general.rbx
      state[.rsp] = general.rsp
      state[.rbp] = general.rbp
      state[.rsi] = general.rsi
      state[.rdi] = general.rdi
      state[.r8] = general.r8
      state[.r9] = general.r9
      state[.r10] = general.r10
      state[.r11] = general.r11
      state[.r12] = general.r12
      state[.r13] = general.r13
      state[.r14] = general.r14
      state[.r15] = general.r15
      state[.rip] = general.rip
      state[.rflags] = general.rflags
    }

    static func write(_ state: ProcessorState, into general: inout kvm_regs) {
      general.rax = state[.rax]
      general.rcx = state[.rcx]
      general.rdx = state[.rdx]
      general.rbx = state[.rbx]
      general.rsp = state[.rsp]
      general.rbp = state[.rbp]
      general.rsi = state[.rsi]
      general.rdi = state[.rdi]
      general.r8 = state[.r8]
      general.r9 = state[.r9]
      general.r10 = state[.r10]
      general.r11 = state[.r11]
      general.r12 = state[.r12]
      general.r13 = state[.r13]
      general.r14 = state[.r14]
      general.r15 = state[.r15]
      general.rip = state[.rip]
      general.rflags = state[.rflags]
    }

    static func read(_ system: kvm_sregs, into state: inout ProcessorState) {
      // FS and GS keep their bases in long mode even when the selector is null.
      let long = system.efer & 0x400 != 0
      state.setSegment(0, segment(system.es))
      state.setSegment(1, segment(system.cs))
      state.setSegment(2, segment(system.ss))
      state.setSegment(3, segment(system.ds))
      state.setSegment(4, segment(system.fs, keepsBase: long))
      state.setSegment(5, segment(system.gs, keepsBase: long))
      let local = segment(system.ldt)
      state[.ldtr] = local.selector
      state[.ldtrBase] = local.base
      state[.ldtrLimit] = local.limit
      state[.ldtrAttributes] = local.attributes
      let task = segment(system.tr)
      state[.tr] = task.selector
      state[.trBase] = task.base
      state[.trLimit] = task.limit
      state[.trAttributes] = task.attributes
      state[.gdtrBase] = system.gdt.base
      state[.gdtrLimit] = UInt64(system.gdt.limit)
      state[.idtrBase] = system.idt.base
      state[.idtrLimit] = UInt64(system.idt.limit)
      state[.cr0] = system.cr0
      state[.cr2] = system.cr2
      state[.cr3] = system.cr3
      state[.cr4] = system.cr4
      state[.cr8] = system.cr8
      state[.efer] = system.efer
    }

    private static func write(_ state: ProcessorState, into system: inout kvm_sregs) {
      system.es = segment(state.segment(0))
      system.cs = segment(state.segment(1))
      system.ss = segment(state.segment(2))
      system.ds = segment(state.segment(3))
      system.fs = segment(state.segment(4))
      system.gs = segment(state.segment(5))
      system.ldt = segment(
        SegmentState(
          selector: state[.ldtr], base: state[.ldtrBase],
          limit: state[.ldtrLimit], attributes: state[.ldtrAttributes]))
      system.tr = segment(
        SegmentState(
          selector: state[.tr], base: state[.trBase],
          limit: state[.trLimit], attributes: state[.trAttributes]))
      system.gdt.base = state[.gdtrBase]
      system.gdt.limit = UInt16(truncatingIfNeeded: state[.gdtrLimit])
      system.idt.base = state[.idtrBase]
      system.idt.limit = UInt16(truncatingIfNeeded: state[.idtrLimit])
      system.cr0 = state[.cr0]
      system.cr2 = state[.cr2]
      system.cr3 = state[.cr3]
      system.cr4 = state[.cr4]
      system.cr8 = state[.cr8]
      system.efer = state[.efer]
      system.interrupt_bitmap = (0, 0, 0, 0)
    }

    /// A segment that KVM calls unusable has no hidden part worth comparing.
    private static func segment(_ segment: kvm_segment, keepsBase: Bool = false) -> SegmentState {
      guard segment.unusable == 0, segment.present != 0 else {
        return SegmentState(
          selector: UInt64(segment.selector), base: keepsBase ? segment.base : 0, limit: 0, attributes: 0)
      }
      var attributes = UInt64(segment.type & 15)
      attributes |= UInt64(segment.s & 1) << 4
      attributes |= UInt64(segment.dpl & 3) << 5
      attributes |= UInt64(segment.present & 1) << 7
      attributes |= UInt64(segment.avl & 1) << 12
      attributes |= UInt64(segment.l & 1) << 13
      attributes |= UInt64(segment.db & 1) << 14
      attributes |= UInt64(segment.g & 1) << 15
      return SegmentState(
        selector: UInt64(segment.selector), base: segment.base, limit: UInt64(segment.limit),
        attributes: attributes)
    }

    private static func segment(_ state: SegmentState) -> kvm_segment {
      let attributes = UInt16(truncatingIfNeeded: state.attributes)
      func bit(_ number: UInt16) -> UInt8 { UInt8((attributes >> number) & 1) }
      var segment = kvm_segment()
      segment.base = state.base
      segment.limit = UInt32(truncatingIfNeeded: state.limit)
      segment.selector = UInt16(truncatingIfNeeded: state.selector)
      segment.type = UInt8(attributes & 15)
      segment.s = bit(4)
      segment.dpl = UInt8((attributes >> 5) & 3)
      segment.present = bit(7)
      segment.avl = bit(12)
      segment.l = bit(13)
      segment.db = bit(14)
      segment.g = bit(15)
      segment.unusable = bit(7) == 0 ? 1 : 0
      return segment
    }
  }
#endif
