internal import MachineCore

/// Where debug registers that KVM is given stop a guest after a load or a store, measured.
package struct WatchSupport: Sendable, Equatable {
  /// In real mode.
  package var real16: Bool
  /// In 32-bit protected mode, ring 0.
  package var protected32: Bool
  /// In long mode, ring 0.
  package var long64: Bool
  /// In 64-bit code, ring 3.
  package var user64: Bool

  /// Wherever a guest can go.
  package var everywhere: Bool { real16 && protected32 && long64 && user64 }

  /// In ring 0, in every mode.
  package var inRing0: Bool { real16 && protected32 && long64 }

  /// What this host can do, found out once.
  package static let measured = measure()
}

#if os(Linux) && arch(x86_64)
  internal import CKVM

  extension WatchSupport {
    private static func measure() -> WatchSupport {
      WatchSupport(
        real16: stops(.real16), protected32: stops(.protected32), long64: stops(.long64),
        user64: stops(.long64, user: true))
    }

    private static func stops(_ mode: X86Mode, user: Bool = false) -> Bool {
      stops(mode, user, DebugSlot.stores) && stops(mode, user, DebugSlot.accesses)
    }

    /// Whether a store, and if that is asked a load, stop the guest behind their instruction, and nothing else does.
    private static func stops(
      _ mode: X86Mode, _ user: Bool, _ slots: (UInt64, Int) -> [DebugSlot]
    ) -> Bool {
      let datum = mode.defaultLoadAddress + 0x100
      let bytes = (0..<(mode == .long64 ? 8 : mode == .protected32 ? 4 : 2)).map {
        UInt8(truncatingIfNeeded: datum >> UInt64($0 * 8))
      }
      // NOP; MOV [datum], AL; NOP; MOV AL, [datum]; NOP; HLT, which ends the run in ring 3 by a trap without a handler.
      let code = [0x90, 0xA2] + bytes + [0x90, 0xA0] + bytes + [0x90, 0xF4]
      guard let probe = ProbeGuest.running(code, mode, user: user) else { return false }
      let watches = slots(datum, 1)
      let size = UInt64(bytes.count)
      let store = probe.codeAddress + 2 + size
      var places = [store]
      if watches.first?.use == .access { places.append(store + 2 + size) }
      var isRight = true
      _ = probe.guest.run(within: 0.5) { core throws(KVMError) in
        core.watches = watches
        try core.setDebugging(steps: false)
        var stop = try core.runFreely(nil)
        for place in places {
          guard stop == .breakpoint(pc: place), core.hits == [0] else {
            isRight = false
            return stop
          }
          core.hits = []
          stop = try core.runFreely(nil)
        }
        if case .breakpoint = stop { isRight = false }
        return stop
      }
      return isRight
    }
  }
#else
  extension WatchSupport {
    private static func measure() -> WatchSupport {
      WatchSupport(real16: false, protected32: false, long64: false, user64: false)
    }
  }
#endif
