#if os(Linux) && arch(x86_64)
  internal import Glibc
  package import MachineCore
  internal import Trace

  /// The hardware's vote on single-instruction cases: runs them in ring 3 and compares the outcome with that
  /// of a software engine.
  package final class NativeVote {
    private let machine: X86FuzzMachine
    private let native: NativeUserMode
    private let deviations: NativeDeviations

    /// How the hardware voted.
    package enum Verdict: Sendable {
      /// The outcomes cannot be compared.
      case abstained
      case agreed
      /// They differ, and a probed deviation of the host is why; its identifier.
      case excepted(String)
      case differs([String])
    }

    /// One thing that differs, with the software's and the hardware's value.
    enum Difference {
      case lost
      case register(X86Register, UInt64, UInt64)
      case vector(String, String)
      case field(String, UInt64, UInt64)
      /// Guest addresses from the first byte that differs to the last.
      case memory(ClosedRange<UInt64>)

      var text: String {
        switch self {
        case .lost: "the processor did not come back"
        case .register(let register, let left, let right): "\(register): \(hex(left)) | \(hex(right))"
        case .vector(let left, let right): "vector: \(left) | \(right)"
        case .field(let name, let left, let right): "\(name): \(hex(left)) | \(hex(right))"
        case .memory(let range): "memory: \(hex(range.lowerBound)) to \(hex(range.upperBound))"
        }
      }
    }

    /// A vote in these surroundings.
    ///
    /// - Throws: ``EngineRefusal`` where there is no usable KVM.
    package init(_ machine: X86FuzzMachine) throws(EngineRefusal) {
      self.machine = machine
      native = try NativeUserMode(machine)
      deviations = NativeDeviations.measured
    }

    /// Where a software engine was after a case.
    package struct Software {
      package var state: ProcessorState
      /// It stopped because it had run the one instruction.
      package var isPlainEnd: Bool
      package var memory: GuestMemory
      /// Bits of each register without a defined value.
      package var undefined: [UInt64]

      package init(state: ProcessorState, isPlainEnd: Bool, memory: GuestMemory, undefined: [UInt64]) {
        self.state = state
        self.isPlainEnd = isPlainEnd
        self.memory = memory
        self.undefined = undefined
      }

      /// The vector whose handler it is in, or is about to enter after an interrupt instruction.
      func vector(_ machine: X86FuzzMachine) -> Int? {
        if let vector = machine.vector(state) { return vector }
        let offset = state[.rip] &- X86FuzzMachine.handlers
        return offset < 4096 && offset & 15 == 0 && state[.ssAttributes] & 0x60 == 0 ? Int(offset >> 4) : nil
      }
    }

    /// Runs a case on the hardware and compares.
    ///
    /// - Parameters:
    ///   - storage: written over the surroundings' before, and left there: such a vote is the last one.
    ///   - usesSystem: segments and system registers are the case's too.
    package func vote(
      _ tried: X86FuzzCase, _ software: Software, storage: [(address: Int, bytes: [UInt8])] = [],
      usesSystem: Bool = false
    ) throws -> Verdict {
      guard let facts = NativeCase(tried, machine) else { return .abstained }
      let vector = software.vector(machine)
      let rip = software.state[.rip]
      if vector == nil {
        // Jumps into the middle of the instruction, repeats that were cut short, and jumps into the data, which
        // the hardware would go on to execute.
        if rip &- machine.code < UInt64(facts.length) || !software.isPlainEnd { return .abstained }
        if rip &- machine.data < 0x1_0000 { return .abstained }
      }
      if facts.isSplitLock, deviations.avoidsSplitLocks { return .excepted(NativeDeviations.splitLock) }
      for (address, bytes) in storage { try native.platform.memory.write(bytes, at: address) }
      try native.platform.memory.write(tried.bytes, at: Int(machine.physicalCode))
      defer { restore() }
      guard let outcome = native.run(tried.state, usesSystem: usesSystem) else {
        // The host lets some of these accesses pass, and perhaps the probe's was among them.
        return facts.isSplitLock ? .excepted(NativeDeviations.splitLock) : .differs([Difference.lost.text])
      }
      let found = differences(software, vector, outcome)
      if found.isEmpty { return .agreed }
      let context = NativeDeviations.Context(
        facts: facts, software: software, vector: vector, outcome: outcome, differences: found,
        native: { [machine, native] address in
          native.platform.memory.load(machine.physicalData &+ address &- machine.data, width: 8) ?? 0
        },
        own: { [machine] address in
          software.memory.load(machine.physicalData &+ address &- machine.data, width: 8) ?? 0
        })
      if let id = deviations.reason(context) { return .excepted(id) }
      return .differs(found.map(\.text))
    }

    private func differences(
      _ software: Software, _ vector: Int?, _ outcome: NativeUserMode.Outcome
    ) -> [Difference] {
      var found: [Difference] = []
      let memory = native.platform.memory
      func word(_ memory: GuestMemory, _ address: UInt64) -> UInt64 { memory.load(address, width: 8) ?? 0 }
      for register in X86Register.allCases.prefix(16) where register != .rsp {
        let (left, right) = (software.state[register], outcome.registers[register.index])
        if (left ^ right) & ~software.undefined[register.index] != 0 {
          found.append(.register(register, left, right))
        }
      }
      func check(_ name: String, _ left: UInt64, _ right: UInt64, ignoring: UInt64 = 0) {
        if (left ^ right) & ~ignoring != 0 { found.append(.field(name, left, right)) }
      }
      // The resume flag in a saved image is the hardware's own affair.
      let resume: UInt64 = 1 << 16
      let frame = outcome.registers[4]
      let start = outcome.frame
      if let vector {
        if UInt64(vector) != outcome.trap {
          found.append(.vector("\(vector)", "\(outcome.trap), from \(hex(outcome.savedRIP))"))
        } else {
          let own = software.memory
          check("stack of the handler", software.state[.rsp], frame)
          if outcome.hasErrorCode { check("error code", word(own, frame), word(memory, frame)) }
          check("saved rip", word(own, start), word(memory, start))
          check("saved flags", word(own, start &+ 16), word(memory, start &+ 16), ignoring: resume)
          check("saved rsp", word(own, start &+ 24), word(memory, start &+ 24))
          if vector == 14 { check("cr2", software.state[.cr2], outcome.cr2) }
        }
      } else {
        // The HLT behind the instruction is a general-protection fault in ring 3.
        let isAtHalt = outcome.trap == 13 && outcome.savedRIP == software.state[.rip]
        let isFetch = outcome.trap == 14 && outcome.savedRIP == software.state[.rip]
        if !isAtHalt, !isFetch {
          found.append(
            .vector("none, at \(hex(software.state[.rip]))", "\(outcome.trap), from \(hex(outcome.savedRIP))")
          )
        } else {
          check(
            "rflags", software.state[.rflags], word(memory, start &+ 16),
            ignoring: resume | software.undefined[X86Register.rflags.index])
          check("rsp", software.state[.rsp], word(memory, start &+ 24))
        }
      }
      if let range = changedMemory(software.memory) { found.append(.memory(range)) }
      return found
    }

    /// Where the user part, 128 KiB, differs.
    private func changedMemory(_ other: GuestMemory) -> ClosedRange<UInt64>? {
      let first = other.base + Int(machine.physicalData)
      let second = native.platform.memory.base + Int(machine.physicalData)
      // SAFETY: the user part lies in the storage of both.
      guard memcmp(first, second, 0x2_0000) != 0 else { return nil }
      let places = (0..<0x2_0000).filter {
        first.load(fromByteOffset: $0, as: UInt8.self) != second.load(fromByteOffset: $0, as: UInt8.self)
      }
      guard let low = places.first, let high = places.last else { return nil }
      return (machine.data + UInt64(low))...(machine.data + UInt64(high))
    }

    private func restore() {
      let memory = native.platform.memory
      let user = Int(machine.physicalData)..<Int(machine.physicalData) + 0x2_0000
      // SAFETY: the surroundings' contents reach to the end of the user part.
      machine.memory.withUnsafeBytes { bytes in
        let start = bytes.baseAddress! + user.lowerBound
        if memcmp(memory.base + user.lowerBound, start, user.count) != 0 {
          (memory.base + user.lowerBound).copyMemory(from: start, byteCount: user.count)
        }
      }
    }
  }
#endif
