#if os(Linux) && arch(x86_64)
  internal import MachineCore

  /// A long-mode guest for questions about ring 3: trap handlers that report, and code in either ring.
  struct RingProbe {
    /// Why it stopped.
    let reason: StopReason
    /// The processor then.
    let state: ProcessorState

    /// Status that code reports when it came to its end.
    static let reachedEnd: UInt64 = 0x100
    /// MOV EAX, CS and the report of having come to the end: a system-call entry.
    static let readCS: [UInt8] = [0x8C, 0xC8] + report(reachedEnd)

    private enum Address {
      static let handlers: UInt64 = 0x2_0000
      static let systemCall: UInt64 = 0x2_8000
      static let interruptTable: UInt64 = 0x3_0000
      static let ring0: UInt64 = X86Layout.highMemory
      /// The second 2 MiB page, the only one open to ring 3.
      static let ring3: UInt64 = 0x20_0000
      static let ring3StackTop: UInt64 = 0x30_0000
    }

    /// Code that switches the machine off with a status and keeps all registers for the observer:
    /// PUSH RAX; MOV EAX, status; OUT 0xF4, EAX; POP RAX; HLT.
    private static func report(_ status: UInt64) -> [UInt8] {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: status >> UInt64($0 * 8)) }
      return [0x50, 0xB8] + bytes + [0xE7, 0xF4, 0x58, 0xF4]
    }

    /// Runs code in ring 3, or in ring 0 when there is some.
    ///
    /// - Parameters:
    ///   - ring3: code in ring 3; trap handlers report what it ends in.
    ///   - ring0: code that starts instead, with RCX and R11 as SYSRET wants them.
    ///   - systemCall: code at the SYSCALL entry.
    ///   - usesReturnFrame: a frame for IRETQ to the ring-3 code lies on the ring-0 stack.
    ///   - keepsRing0Segments: DS and ES hold the ring-0 data segment.
    static func run(
      ring3: [UInt8], ring0: [UInt8]? = nil, systemCall: [UInt8] = [], usesReturnFrame: Bool = false,
      keepsRing0Segments: Bool = false
    ) -> RingProbe {
      let probe = try? ProbeGuest(
        .long64, ring0 ?? [0xF4], memorySize: 4 << 20,
        prepare: { (platform, state) throws(MachineError) in
          try place(ring3, systemCall, on: platform)
          state[.idtrBase] = Address.interruptTable
          state[.idtrLimit] = 32 * 16 - 1
          state[.efer] |= 1
          state[.star] = (UInt64(0x1B) << 16 | X86Layout.Selector.code) << 32
          state[.lstar] = Address.systemCall
          state[.sfmask] = 0x4_4700
          state[.rcx] = Address.ring3
          state[.r11] = 0x2
          if usesReturnFrame {
            state[.rsp] -= 40
            let frame = [
              Address.ring3, X86Layout.Selector.userCode64, 0x2, Address.ring3StackTop,
              X86Layout.Selector.userData,
            ]
            for (index, value) in frame.enumerated() {
              platform.memory.store(state[.rsp] + UInt64(index * 8), value, width: 8)
            }
          }
          guard ring0 == nil else { return }
          state[.rip] = Address.ring3
          state[.rsp] = Address.ring3StackTop
          state.setSegment(1, X86InitialSegments.userCode64)
          for number in 0..<6 where number != 1 { state.setSegment(number, X86InitialSegments.userData) }
        })
      guard let probe else {
        return RingProbe(
          reason: .hostFailure("no guest could be made"),
          state: X86InitialState.make(.long64, entry: 0))
      }
      let reason = probe.run()
      if case .powerOff = reason {
        // On to the HLT behind the report, with RAX restored.
        probe.platform.powerOff = nil
        _ = probe.run()
      }
      return RingProbe(reason: reason, state: probe.state)
    }

    private static func place(
      _ ring3: [UInt8], _ systemCall: [UInt8], on platform: Platform
    ) throws(MachineError) {
      let memory = platform.memory
      for vector in 0..<UInt64(32) {
        let handler = Address.handlers + vector * 16
        try memory.write(report(vector), at: Int(handler))
        // Present, open to ring 3, 64-bit interrupt gate.
        let low = handler & 0xFFFF | X86Layout.Selector.code << 16 | 0xEE00 << 32 | (handler >> 16) << 48
        memory.store(Address.interruptTable + vector * 16, low, width: 8)
      }
      try memory.write(systemCall, at: Int(Address.systemCall))
      try memory.write(ring3, at: Int(Address.ring3))
      // The user bit on the way to the second 2 MiB page.
      for entry in [X86Layout.pml4, X86Layout.pdpt, X86Layout.pageDirectories + 8] {
        if let value = memory.load(entry, width: 8) { memory.store(entry, value | 4, width: 8) }
      }
    }

    /// The vector that a handler reported.
    var trap: UInt64? { written.flatMap { $0 < 32 ? $0 : nil } }

    /// What was written to the debug-exit port.
    private var written: UInt64? {
      guard case .powerOff(let status) = reason else { return nil }
      return PowerPort.value(ofStatus: status)
    }

    /// What happened, in words.
    var text: String {
      if let trap { return "trap \(X86InstructionSet.causeNames[min(Int(trap), 19)])" }
      return switch reason {
      case .hostFailure(let text): text.split(separator: ":").first.map(String.init) ?? text
      case .checkStop: "a shutdown of the processor"
      case .hostTimeLimit: "a processor that never comes back"
      default: "\(reason)"
      }
    }

    /// What `describe` makes of state and status; the plain text where it makes nothing.
    func describe(_ describe: (ProcessorState, UInt64) -> String?) -> String {
      guard let written else { return text }
      return describe(state, written) ?? text
    }
  }
#endif
