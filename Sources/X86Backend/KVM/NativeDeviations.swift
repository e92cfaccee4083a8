#if os(Linux) && arch(x86_64)
  internal import MachineCore
  internal import Trace

  /// Which differences between software and hardware in ring 3 a measured deviation of this host explains.
  ///
  /// A rule holds only where its probe found the deviation, and only for what the probe found: the value or
  /// the trap that the deviation brings, not the instruction as a whole.
  struct NativeDeviations {
    static let interpreted = "trap-interpreted-ring3"
    static let wildStack = "wild-stack-ring3"
    static let lockedHint = "lock-hint-ring3"
    static let lockedReturn = "lock-iret-ring3"
    static let prefixedStore = "movnti-prefix-ring3"
    static let flags = "flags-pushed-ring3"
    static let selectors = "selectors-read-ring3"
    static let descriptors = "descriptors-ring3"
    static let tableStore = "str-size-ring3"
    static let interrupt = "int-gate-ring3"
    static let splitLock = "split-lock"
    static let repeated = "repeat-32bit-address"
    static let stored = "stores-before-fault"
    static let order = "order-of-faults"
    static let pause = "pause-rex"

    /// Found out once, by running the probes.
    static let measured = NativeDeviations(NativeProbes())

    private let found: Set<String>
    private let pushedFlags: UInt64

    init(_ probes: NativeProbes?) {
      found = Set((probes?.behaviours ?? []).filter(\.deviates).map(\.observation.id))
      pushedFlags = probes?.pushedFlags ?? 0
    }

    /// Whether locked accesses across cache lines are not to be run.
    var avoidsSplitLocks: Bool { found.contains(Self.splitLock) }

    /// A case that came out differently.
    struct Context {
      let facts: NativeCase
      let software: NativeVote.Software
      let vector: Int?
      let outcome: NativeUserMode.Outcome
      let differences: [NativeVote.Difference]
      /// The eight bytes at a guest address of the data: the hardware's, and the software's.
      let native: (UInt64) -> UInt64
      let own: (UInt64) -> UInt64

      /// The only difference, if it is the contents of memory.
      var onlyMemory: ClosedRange<UInt64>? {
        if differences.count == 1, case .memory(let range) = differences[0] { return range }
        return nil
      }
    }

    /// The deviation that explains a case; `nil` when there is none.
    func reason(_ context: Context) -> String? {
      let rules: [(String, (Context) -> Bool)] = [
        (Self.flags, explainsFlags), (Self.selectors, explainsSelectors), (Self.pause, explainsPause),
        (Self.repeated, explainsRepeat), (Self.stored, explainsStores), (Self.order, explainsOrder),
        (Self.tableStore, explainsTableStores), (Self.interrupt, { $0.facts.operation == .int }),
        (Self.descriptors, explainsDescriptors),
        (Self.lockedHint, explainsLockedHint), (Self.lockedReturn, explainsLockedReturn),
        (Self.prefixedStore, explainsPrefixedStore),
        (Self.interpreted, explainsTrap), (Self.wildStack, explainsWildStack),
      ]
      return rules.first { found.contains($0.0) && $0.1(context) }?.0
    }

    /// Undefined opcode, general protection or stack fault: the kernel's interpreter says which trap it is. An
    /// instruction that completes where it should trap, or the other way round, is not excepted.
    private func explainsTrap(_ context: Context) -> Bool {
      // Of two strings the interpreter reads the other one first.
      let isString = context.facts.operation == .cmps && context.vector == 14
      guard let vector = context.vector, [6, 12, 13].contains(vector) || isString else { return false }
      guard context.outcome.savedRIP == context.facts.state[.rip] else { return false }
      return [6, 12, 13, 14].contains(context.outcome.trap) && context.outcome.trap != UInt64(vector)
    }

    /// LOCK with IRET, which is carried out.
    private func explainsLockedReturn(_ context: Context) -> Bool {
      context.vector == 6 && context.facts.hasLock && context.facts.map == 0 && context.facts.opcode == 0xCF
    }

    /// LOCK with a fence or an instruction that is reserved to do nothing.
    private func explainsLockedHint(_ context: Context) -> Bool {
      let facts = context.facts
      return context.vector == 6 && facts.hasLock && facts.map == 1
        && ((0x18...0x1F).contains(facts.opcode) || facts.opcode == 0xAE)
    }

    /// MOVNTI or a fence with a prefix that makes it undefined, and that is carried out.
    private func explainsPrefixedStore(_ context: Context) -> Bool {
      let facts = context.facts
      return context.vector == 6 && facts.map == 1 && (facts.opcode == 0xC3 || facts.opcode == 0xAE)
        && (facts.hasOperandPrefix || facts.hasRepeat)
    }

    /// A stack pointer that is not canonical: the processor cannot be entered with it here, and the kernel's
    /// interpreter runs the case. So the case says nothing about the processor.
    private func explainsWildStack(_ context: Context) -> Bool {
      let pointer = context.facts.state[.rsp]
      return (pointer &+ 0x8000_0000_0000) >> 48 != 0
    }

    private func explainsFlags(_ context: Context) -> Bool {
      let top = context.facts.state[.rsp]
      let bytes = UInt64(context.facts.width.bytes)
      guard context.facts.operation == .pushf, let range = context.onlyMemory,
        range.lowerBound >= top &- bytes, range.upperBound < top
      else { return false }
      let changed = context.native(top &- bytes) ^ context.own(top &- bytes)
      return changed & context.facts.width.mask & ~pushedFlags == 0
    }

    private func explainsSelectors(_ context: Context) -> Bool {
      let facts = context.facts
      guard facts.operation == .movFromSegment || facts.operation == .pushSegment else { return false }
      let number: Int
      if facts.operation == .pushSegment {
        number = Int(facts.row.segment)
      } else {
        guard facts.operands.count > 1 else { return false }
        number = Int(facts.operands[1].register) - X86Register.es.index
      }
      // The host's own values, which other cases can have changed: any selector will do.
      guard (0..<6).contains(number) else { return false }
      if facts.operation == .movFromSegment, facts.operands[0].kind == .register {
        guard context.differences.count == 1 else { return false }
        switch context.differences[0] {
        case .register(let register, let left, let right):
          return register.index == Int(facts.operands[0].register) && left >> 16 == right >> 16
        case .field("rsp", let left, let right):
          return facts.operands[0].register == 4 && left >> 16 == right >> 16
        default: return false
        }
      }
      let place =
        facts.operation == .pushSegment
        ? facts.state[.rsp] &- UInt64(facts.width.bytes) : facts.address(facts.operands[0]) ?? 0
      guard let range = context.onlyMemory else { return false }
      return range.lowerBound >= place && range.upperBound < place &+ 2
    }

    /// SLDT, STR and SMSW into memory: the bytes behind the word.
    private func explainsTableStores(_ context: Context) -> Bool {
      let facts = context.facts
      guard facts.operation == .storeTable || facts.operation == .smsw, facts.width == .bits64,
        let place = facts.operands.first.flatMap(facts.address), let range = context.onlyMemory
      else { return false }
      return range.lowerBound >= place &+ 2 && range.upperBound < place &+ 8
    }

    private func explainsPause(_ context: Context) -> Bool {
      let facts = context.facts
      return facts.operation == .xchg && facts.map == 0 && facts.opcode == 0x90 && facts.hasRepeat
        && facts.rex & 1 != 0
        && context.differences.allSatisfy { difference in
          if case .register(let register, _, let right) = difference { return right == facts.state[register] }
          return false
        }
    }

    private func explainsRepeat(_ context: Context) -> Bool {
      let facts = context.facts
      guard facts.hasRepeat, facts.hasAddressPrefix else { return false }
      switch facts.operation {
      case .movs, .stos, .lods, .scas, .cmps: break
      default: return false
      }
      return context.differences.allSatisfy { difference in
        guard case .register(let register, let left, let right) = difference else { return false }
        return [.rcx, .rsi, .rdi].contains(register) && right == left & 0xFFFF_FFFF
      }
    }

    private func explainsStores(_ context: Context) -> Bool {
      let facts = context.facts
      let slots: UInt64
      switch facts.operation {
      case .call: slots = 1
      case .callFar: slots = 2
      case .enter: slots = 1 + (facts.operands.last?.value ?? 0) & 31
      default: return false
      }
      let top = facts.state[.rsp]
      guard context.vector != nil, let range = context.onlyMemory else { return false }
      return range.lowerBound >= top &- slots &* UInt64(facts.width.bytes) && range.upperBound < top
    }

    private func explainsOrder(_ context: Context) -> Bool {
      let facts = context.facts
      guard facts.operation == .iret || facts.operation == .retFar, context.vector == 14 else { return false }
      let released = facts.operation == .retFar ? facts.operands.first?.value ?? 0 : 0
      let frame = UInt64(5 * facts.width.bytes) &+ released
      return context.differences.allSatisfy { difference in
        guard case .field(let name, _, let right) = difference else { return false }
        // Another page can also be closed in another way.
        return name == "cr2" ? right &- facts.state[.rsp] < frame : name == "error code"
      }
    }

    /// Instructions that look into a descriptor table; what their operands in memory do is not excepted.
    private func explainsDescriptors(_ context: Context) -> Bool {
      switch context.facts.operation {
      case .lar, .lsl, .verr, .verw, .movToSegment, .popSegment, .loadFar, .jmpFar, .callFar, .retFar, .iret:
        return context.vector != 14 && context.vector != 6
      default: return false
      }
    }
  }
#endif
