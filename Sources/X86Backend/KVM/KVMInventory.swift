#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  /// What a vCPU holds beside the registers of ``ProcessorState``.
  ///
  /// A snapshot has no place for it, so it must be as in a vCPU that never ran. KVM itself tells which
  /// model-specific registers there are; nothing is left out because somebody forgot it.
  struct KVMInventory: Equatable, Sendable {
    /// Model-specific registers that are not in the state, by number.
    var modelSpecific: [UInt32: UInt64]
    /// KVM's own: what it waits for, which interrupts it holds back.
    var other: [String: UInt64]

    /// A vCPU that never ran; registers that count time, and differ between two such vCPUs, are left out.
    static let fresh: Result<KVMInventory, KVMError> = measure()

    private static func measure() -> Result<KVMInventory, KVMError> {
      do throws(KVMError) {
        var one = try ofNewMachine()
        let other = try ofNewMachine()
        one.modelSpecific = one.modelSpecific.filter { other.modelSpecific[$0.key] == $0.value }
        return .success(one)
      } catch {
        return .failure(error)
      }
    }

    private static func ofNewMachine() throws(KVMError) -> KVMInventory {
      guard let thread = VirtualCPUThread() else {
        throw .cannotCreate(call: "pthread_create", reason: "the host has no more threads")
      }
      defer { thread.end() }
      var made: Result<KVMInventory, KVMError> = .failure(.cannotRun("the vCPU's thread did not answer"))
      _ = thread.perform {
        do throws(KVMError) {
          let memory: GuestMemory
          do throws(MachineError) {
            memory = try GuestMemory(size: X86Layout.minimumMemorySize)
          } catch {
            throw KVMError.cannotCreate(call: "mmap", reason: "\(error)")
          }
          let system = try KVMSystem()
          let machine = try KVMVirtualMachine(system, memory: memory)
          // The registers of the state are written once, as those of every machine are.
          try machine.writeState(X86InitialState.make(.real16, entry: 0))
          made = .success(try machine.inventory())
        } catch {
          made = .failure(error)
        }
      }
      return try made.get()
    }

    /// What differs from a fresh vCPU, in words; `nil` if nothing does.
    func surplus(over fresh: KVMInventory) -> String? {
      for (name, value) in fresh.other.sorted(by: { $0.key < $1.key }) where other[name] != value {
        return "\(name) is \(other[name].map { hex($0) } ?? "unreadable"), not \(hex(value))"
      }
      for (number, value) in fresh.modelSpecific.sorted(by: { $0.key < $1.key })
      where modelSpecific[number] != value {
        let now = modelSpecific[number].map { hex($0) } ?? "unreadable"
        return "model-specific register \(hex(UInt64(number))) is \(now), not \(hex(value))"
      }
      return nil
    }
  }

  extension KVMVirtualMachine {
    /// Reads what the state has no place for.
    func inventory() throws(KVMError) -> KVMInventory {
      var list = ckvm_msr_list()
      list.nmsrs = ckvm_max_msr_list
      let system = try KVMSystem()
      guard system.device.call(ckvm_get_msr_index_list, &list) == 0 else {
        throw .cannotRun("KVM_GET_MSR_INDEX_LIST failed: \(errorText())")
      }
      var registers: [UInt32: UInt64] = [:]
      for at in 0..<min(list.nmsrs, ckvm_max_msr_list) {
        let number = ckvm_msr_list_get(&list, at)
        guard !Self.modelSpecific.contains(where: { $0.index == number }), !Self.isOtherwiseHeld(number)
        else {
          continue
        }
        var one = ckvm_msrs()
        one.nmsrs = 1
        ckvm_msr_set(&one, 0, number, 0)
        // KVM lists registers that this vCPU's CPUID does not give it; those cannot be read.
        if vcpu.call(ckvm_get_msrs, &one) == 1 { registers[number] = ckvm_msr_get(&one, 0) }
      }
      var state = kvm_mp_state()
      try check(vcpu.call(ckvm_get_mp_state, &state), "KVM_GET_MP_STATE")
      var events = kvm_vcpu_events()
      try check(vcpu.call(ckvm_get_vcpu_events, &events), "KVM_GET_VCPU_EVENTS")
      return KVMInventory(
        modelSpecific: registers,
        other: [
          "the state of the vCPU in KVM_GET_MP_STATE": UInt64(state.mp_state),
          "the mask of non-maskable interrupts": UInt64(events.nmi.masked),
          "system management mode": UInt64(events.smi.smm),
          "a system management interrupt": UInt64(events.smi.pending),
        ])
    }

    /// EFER, the APIC base and the bases of FS and GS: in KVM's system registers, and so in the state.
    private static func isOtherwiseHeld(_ number: UInt32) -> Bool {
      [0x1B, 0xC000_0080, 0xC000_0100, 0xC000_0101].contains(number)
    }

    /// What the vCPU is about to deliver; `nil` if nothing.
    func pendingEvent() throws(KVMError) -> String? {
      var events = kvm_vcpu_events()
      guard vcpu.call(ckvm_get_vcpu_events, &events) == 0 else {
        throw .cannotRun("KVM_GET_VCPU_EVENTS failed: \(errorText())")
      }
      if events.exception.injected != 0 || events.exception.pending != 0 {
        return "exception \(events.exception.nr) is being delivered"
      }
      if events.interrupt.injected != 0 { return "interrupt \(events.interrupt.nr) is being delivered" }
      if events.nmi.injected != 0 || events.nmi.pending != 0 { return "a non-maskable interrupt is pending" }
      return nil
    }
  }

#endif
