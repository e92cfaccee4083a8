#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// Between ``ProcessorState`` and KVM's register structures.
  extension KVMVirtualMachine {
    /// Reads the whole state; any pending I/O must be complete.
    ///
    /// Everything comes from the vCPU. What KVM has no place for reads as zero, so that a comparison with what was
    /// written shows that it was not kept: the offset of the time-stamp counter, which runs by the host's clock
    /// here, and the PAE entries while PAE paging is off.
    /// - Throws: ``KVMError/cannotRun(_:)`` naming the call that failed.
    func readState(halted: Bool) throws(KVMError) -> ProcessorState {
      var state = ProcessorState(registers: [UInt64](repeating: 0, count: X86Register.allCases.count))
      var general = kvm_regs()
      try check(vcpu.call(ckvm_get_regs, &general), "KVM_GET_REGS")
      var system = kvm_sregs()
      try check(vcpu.call(ckvm_get_sregs, &system), "KVM_GET_SREGS")
      Self.read(general, into: &state)
      Self.read(system, into: &state)
      try readEntries(into: &state)
      readModelSpecific(into: &state)
      if hasDebugRegisters {
        var debug = kvm_debugregs()
        try check(vcpu.call(ckvm_get_debugregs, &debug), "KVM_GET_DEBUGREGS")
        (
          state[.dr0], state[.dr1], state[.dr2], state[.dr3]
        ) = debug.db
        state[.dr6] = debug.dr6
        state[.dr7] = debug.dr7
      }
      var events = kvm_vcpu_events()
      try check(vcpu.call(ckvm_get_vcpu_events, &events), "KVM_GET_VCPU_EVENTS")
      state[.interruptShadow] = UInt64(events.interrupt.shadow & 3)
      state[.halted] = halted ? 1 : 0
      state.extended = try readExtended()
      state.deliveries = deliveries
      return state
    }

    /// Writes the whole state.
    ///
    /// A model-specific register that the host does not have, or whose value it does not take, keeps what it has;
    /// reading the state tells.
    /// - Throws: ``KVMError/cannotRun(_:)`` naming the call that failed.
    func writeState(_ state: ProcessorState) throws(KVMError) {
      var system = kvm_sregs()
      try check(vcpu.call(ckvm_get_sregs, &system), "KVM_GET_SREGS")
      Self.write(state, into: &system)
      try check(vcpu.call(ckvm_set_sregs, &system), "KVM_SET_SREGS")
      ckvm_set_cr8(page.pointer, state[.cr8])
      if hasEntries, Self.usesEntries(system) {
        var both = ckvm_with_pdptes(
          &system, state[.pdpte0], state[.pdpte1], state[.pdpte2], state[.pdpte3])
        try check(vcpu.call(ckvm_set_sregs2, &both), "KVM_SET_SREGS2")
      }
      try writeModelSpecific(state)
      if hasDebugRegisters {
        var debug = kvm_debugregs()
        debug.db = (
          state[.dr0], state[.dr1], state[.dr2], state[.dr3]
        )
        debug.dr6 = state[.dr6]
        debug.dr7 = state[.dr7]
        try check(vcpu.call(ckvm_set_debugregs, &debug), "KVM_SET_DEBUGREGS")
      }
      try writeExtended(state.extended)
      // Of what the vCPU was about to deliver nothing belongs to the new state, but the shadow does.
      var events = kvm_vcpu_events()
      events.flags = UInt32(KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING)
      events.interrupt.shadow = UInt8(state[.interruptShadow] & 3)
      try check(vcpu.call(ckvm_set_vcpu_events, &events), "KVM_SET_VCPU_EVENTS")
      var general = kvm_regs()
      Self.write(state, into: &general)
      try check(vcpu.call(ckvm_set_regs, &general), "KVM_SET_REGS")
      // The vCPU takes an interrupt in front of its first instruction if the guest allows it: where that would
      // show, the count is not kept.
      let interrupts = state[.rflags] & X86Flags.interrupt.rawValue != 0
      deliveries = interrupts ? 0 : state.deliveries
    }

    /// Whether PAE paging is on, the only kind that has entries in registers.
    private static func usesEntries(_ system: kvm_sregs) -> Bool {
      system.cr0 >> 31 != 0 && system.cr4 & 0x20 != 0 && system.efer & 0x400 == 0
    }

    private func readEntries(into state: inout ProcessorState) throws(KVMError) {
      guard hasEntries else { return }
      var system = kvm_sregs2()
      try check(vcpu.call(ckvm_get_sregs2, &system), "KVM_GET_SREGS2")
      state[.pdpte0] = ckvm_pdpte(&system, 0)
      state[.pdpte1] = ckvm_pdpte(&system, 1)
      state[.pdpte2] = ckvm_pdpte(&system, 2)
      state[.pdpte3] = ckvm_pdpte(&system, 3)
    }

    func check(_ status: Int32, _ call: String) throws(KVMError) {
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
      state[.apicBase] = system.apic_base
    }

    static func write(_ state: ProcessorState, into system: inout kvm_sregs) {
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
      system.apic_base = state[.apicBase]
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
