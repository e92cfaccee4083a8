internal import MachineCore

/// Where this host's KVM can single-step a guest, measured.
public struct SteppingSupport: Sendable, Equatable {
  /// In real mode.
  public var real16: Bool
  /// In 32-bit protected mode, ring 0.
  public var protected32: Bool
  /// In long mode, ring 0.
  public var long64: Bool
  /// In 64-bit code, ring 3.
  public var user64: Bool

  /// Nowhere.
  public static let none = SteppingSupport(real16: false, protected32: false, long64: false, user64: false)

  /// In at least one mode.
  public var anywhere: Bool { real16 || protected32 || long64 || user64 }

  /// Where it does not work, in a line; `nil` when it works everywhere.
  public var limitation: String? {
    let places = [
      (real16, "in real mode"), (protected32, "in 32-bit protected mode"), (long64, "in long mode at ring 0"),
      (user64, "in 64-bit code at ring 3"),
    ].filter { !$0.0 }.map(\.1)
    if places.isEmpty { return nil }
    return "this host's KVM (\(KVMProbe.flavour)) cannot single-step \(places.joined(separator: ", "))"
  }

  /// What this host can do, found out once.
  public static let measured = measure()
}

#if os(Linux) && arch(x86_64)
  internal import CKVM

  extension SteppingSupport {
    private static func measure() -> SteppingSupport {
      SteppingSupport(
        real16: steps(.real16), protected32: steps(.protected32), long64: steps(.long64),
        user64: steps(.long64, user: true))
    }

    /// Whether three NOPs give three DEBUG exits at the right places.
    private static func steps(_ mode: X86Mode, user: Bool = false) -> Bool {
      let code: [UInt8] = [0x90, 0x90, 0x90, 0x90, 0xEB, 0xFE]
      guard let probe = ProbeGuest.running(code, mode, user: user) else { return false }
      let start = probe.codeAddress
      var count: UInt64 = 0
      let result = probe.guest.run(within: 0.5) { core throws(KVMError) in
        try core.setDebugging(steps: true)
        while count < 3 {
          switch core.enter() {
          case .exit(let reason) where reason == UInt32(KVM_EXIT_DEBUG):
            count += 1
            if try core.generalRegisters().rip != start &+ count { return .limit }
          case .exit, .failed: return .limit
          case .interrupted: if ckvm_get_immediate_exit(core.page) != 0 { return .hostTimeLimit }
          }
        }
        return .idle(pc: start)
      }
      return result == .idle(pc: start)
    }
  }

  extension ProbeGuest {
    /// A guest that runs code in a mode, in ring 3 of long mode if that is asked; `nil` where KVM does not give one.
    static func running(_ code: [UInt8], _ mode: X86Mode, user: Bool) -> ProbeGuest? {
      try? ProbeGuest(
        mode, code,
        prepare: { (platform, state) throws(MachineError) in
          if user { try enterRing3(platform, &state) }
        })
    }

    /// Starts a long-mode guest in ring 3, with every page open to it.
    static func enterRing3(_ platform: Platform, _ state: inout ProcessorState) throws(MachineError) {
      // The user bit in all three levels of the identity map.
      for address in stride(from: X86Layout.pml4, to: X86Layout.tablesEnd, by: 8) {
        guard let entry = platform.memory.load(address, width: 8), entry & 1 != 0 else { continue }
        platform.memory.store(address, entry | 4, width: 8)
      }
      state.setSegment(1, X86InitialSegments.userCode64)
      for number in 0..<6 where number != 1 { state.setSegment(number, X86InitialSegments.userData) }
    }
  }
#else
  extension SteppingSupport {
    private static func measure() -> SteppingSupport { .none }
  }
#endif
