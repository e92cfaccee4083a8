#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore

  extension SteppingSupport {
    /// Whether a breakpoint of KVM's own stops 64-bit code in ring 3, found out once.
    package static let stopsInRing3 = measureStop(.long64) {
      (platform, state) throws(MachineError) in try ProbeGuest.enterRing3(platform, &state)
    }

    /// The same for 32-bit code, without paging.
    static let stopsInRing3Of32 = measureStop(.protected32) { (_, state) throws(MachineError) in
      state.setSegment(1, X86InitialSegments.userCode32)
      for number in 0..<6 where number != 1 { state.setSegment(number, X86InitialSegments.userData) }
    }

    private static func measureStop(
      _ mode: X86Mode, _ prepare: (Platform, inout ProcessorState) throws(MachineError) -> Void
    ) -> Bool {
      // NOPs, and a trap that no handler takes, which ends the run in any case.
      let code: [UInt8] = [0x90, 0x90, 0x90, 0x90, 0x0F, 0x0B]
      guard let probe = try? ProbeGuest(mode, code, prepare: prepare) else { return false }
      let place = probe.codeAddress + 2
      let reason = probe.guest.run(within: 0.5) { core throws(KVMError) in
        try core.setDebugging(steps: false, breakpoints: [place])
        return try core.runFreely(nil)
      }
      return reason == .breakpoint(pc: place)
    }
  }

  /// Places that a run may have passed without stopping, where this host does not stop code in ring 3.
  extension KVMCore {
    /// Why it is not known whether a run that ended elsewhere passed one of these places; `nil` where it is.
    func unwatchedPlace(_ places: Set<UInt64>, _ reason: StopReason) throws(KVMError) -> String? {
      guard !places.isEmpty else { return nil }
      let isShutdown: Bool
      switch reason {
      case .breakpoint, .hostFailure, .recorderFailed: return nil
      // The kernel may have reset the processor: how it was is not known.
      case .checkStop: isShutdown = true
      default: isShutdown = false
      }
      guard !SteppingSupport.stopsInRing3 || !SteppingSupport.stopsInRing3Of32 else { return nil }
      var system = kvm_sregs()
      guard machine.vcpu.call(ckvm_get_sregs, &system) == 0 else {
        throw .cannotRun("KVM_GET_SREGS failed: \(errorText())")
      }
      for place in places.sorted() where isShutdown || isOpenToRing3(place, system) {
        return
          "the run ended (\(reason)) without a stop at \(hex(place)), but this host's KVM (\(KVMProbe.flavour)) does not stop code in ring 3, so the guest may have passed it there"
      }
      return nil
    }

    /// Whether code of ring 3 can have been at this linear address, as far as the state at the end tells.
    private func isOpenToRing3(_ address: UInt64, _ system: kvm_sregs) -> Bool {
      guard system.cr0 & 1 != 0, hasRing3(system) else { return false }
      let isLong = system.efer & 0x400 != 0
      if isLong, SteppingSupport.stopsInRing3 { return false }
      if !isLong, SteppingSupport.stopsInRing3Of32 { return false }
      guard system.cr0 >> 31 != 0, isLong else { return true }
      // Without an entry nothing is known: the page may have been there before.
      return isUserPage(address, root: system.cr3) ?? true
    }

    /// Whether there is a way into ring 3: SYSRET, a local table, or a code segment of that level.
    private func hasRing3(_ system: kvm_sregs) -> Bool {
      if system.efer & 1 != 0 || system.ldt.present != 0 && system.ldt.unusable == 0 || system.cs.dpl == 3 {
        return true
      }
      let table = readGuest(linear: system.gdt.base, count: Int(system.gdt.limit) + 1)
      for start in stride(from: 0, to: table.count - 7, by: 8) {
        let access = table[start + 5]
        // A code segment, and of level 3 or conforming.
        if access & 0x18 == 0x18, access & 0x60 == 0x60 || access & 4 != 0 { return true }
      }
      return table.count <= Int(system.gdt.limit)
    }

    /// The user bits of the four levels of tables together; `nil` where the address is not mapped.
    private func isUserPage(_ address: UInt64, root: UInt64) -> Bool? {
      var table = root & 0xF_FFFF_FFFF_F000
      for level in [UInt64(39), 30, 21, 12] {
        guard let entry = platform.memory.load(table &+ (address >> level & 511) &* 8, width: 8),
          entry & 1 != 0
        else { return nil }
        if entry & 4 == 0 { return false }
        if level < 39, level > 12, entry & 0x80 != 0 { return true }
        table = entry & 0xF_FFFF_FFFF_F000
      }
      return true
    }
  }
#endif
