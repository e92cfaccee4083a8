public import MachineCore
internal import Trace
public import X86Backend

/// Two concrete states of an x86 machine and an instruction that show why a verdict is as it is.
///
/// For control sensitivity the second state is what the instruction makes of the first; else the two differ in the part
/// of the system's state that ``reason`` names.
public struct X86Witness: Sendable {
  /// The mode.
  public let mode: X86Mode
  /// The name under which the instruction is classified.
  public let name: String
  /// The instruction.
  public let bytes: [UInt8]
  /// What is shown; `nil`: that the instruction is privileged.
  public let reason: X86Reason?
  /// The ring in which it is shown; `nil` where both rings take part, the first state being in ring 0.
  public let ring: UInt64?
  /// The two states.
  public internal(set) var first: MachineState
  public internal(set) var second: MachineState

  init(
    mode: X86Mode, name: String, bytes: [UInt8], reason: X86Reason?, ring: UInt64?, first: MachineState,
    second: MachineState
  ) {
    self.mode = mode
    self.name = name
    self.bytes = bytes
    self.reason = reason
    self.ring = ring
    self.first = first
    self.second = second
  }

  /// A witness that claims something else, for tests; storage and code are those of the states.
  package func replacing(first: MachineState? = nil, second: MachineState, reason: X86Reason?) -> X86Witness {
    X86Witness(
      mode: mode, name: name, bytes: bytes, reason: reason, ring: ring, first: first ?? self.first,
      second: second)
  }

  /// What it shows, in words.
  public var shows: String {
    guard let reason else { return "privileged" }
    return reason.rawValue + (ring.map { " in ring \($0)" } ?? "")
  }

  /// Stable name of what it shows, for files.
  public var key: String { Self.key(name, reason, ring) }

  static func key(_ name: String, _ reason: X86Reason?, _ ring: UInt64?) -> String {
    let words = [
      name.lowercased().replacing(" ", with: "-"), ring.map { "ring\($0)" }, reason?.name ?? "privileged",
    ]
    return words.compactMap(\.self).joined(separator: "-")
  }

  /// The instruction as text.
  public var instruction: String {
    X86InstructionSet().disassemble(
      InstructionBytes(bytes), pc: first.processor[.rip], context: X86WitnessReplayer.context(first.processor)
    )
  }

  /// The instruction's own bytes.
  public var code: [UInt8] {
    let length = X86InstructionSet().decode(
      InstructionBytes(bytes), context: X86WitnessReplayer.context(first.processor))
    if case .instruction(let decoded) = length { return Array(bytes.prefix(decoded.length)) }
    return bytes
  }

  /// Names of what the states differ in; of what the instruction changes, for control sensitivity.
  public var axis: [String] {
    var names = X86Register.allCases.filter { first.processor[$0] != second.processor[$0] }.map(\.name)
    if first.time != second.time { names.append("time") }
    if first.storage != second.storage { names.append("storage") }
    return names
  }

  /// What is not zero in storage, in blocks that begin and end at multiples of eight.
  static func blocks(_ contents: [UInt8]) -> [MachineState.Block] {
    var blocks: [MachineState.Block] = []
    var start: Int?
    let words = contents.count / 8
    for word in 0...words {
      let isZero = word == words || contents[word * 8..<word * 8 + 8].allSatisfy { $0 == 0 }
      if isZero, let begin = start {
        blocks.append(.init(UInt64(begin * 8), Array(contents[begin * 8..<word * 8])))
        start = nil
      } else if !isZero, start == nil {
        start = word
      }
    }
    return blocks
  }
}

/// What became of an x86 witness on an engine.
public struct X86WitnessReplay: Sendable {
  /// The engine.
  public var engine: EngineKind
  /// The claim is borne out.
  public var holds: Bool
  /// What happened in the first and, for pairs, in the second state.
  public var outcomes: [String]
}

/// Replays x86 witnesses on simulator and emulator.
public final class X86WitnessReplayer {
  /// Bytes of storage that a witness can have.
  static let storageSize = Int(X86FuzzMachine.storage) + 0x2_0000

  private let machines: [(kind: EngineKind, machine: X86SmallMachine)]

  /// Machines with empty storage.
  ///
  /// - Throws: ``MachineError`` when storage cannot be had.
  public init() throws {
    let state = try X86FuzzMachine(.protected32, seed: 1, isPlain: true).base
    machines = try [EngineKind.simulator, .emulator].map { ($0, try X86SmallMachine(on: $0, state)) }
  }

  /// Replays a witness on both engines.
  ///
  /// - Throws: ``WitnessError`` when the states are none of this machine, or differ in more than they say.
  public func replay(_ witness: X86Witness) throws -> [X86WitnessReplay] {
    try Self.check(witness)
    var undefined: [UInt64]?
    return try machines.map { kind, machine in
      let one = try run(witness.first, machine)
      let needsPair = witness.reason != .control && witness.reason != .device
      let other = needsPair ? try run(witness.second, machine) : one
      // Only the simulator knows which bits have no defined value.
      let masks = undefined ?? X86Judgement.undefined(one, other)
      undefined = masks
      return judge(witness, kind, one, other, masks)
    }
  }

  private func run(_ state: MachineState, _ machine: X86SmallMachine) throws -> X86Outcome {
    defer { machine.contents.restore() }
    for block in state.storage { try machine.platform.memory.write(block.bytes, at: Int(block.address)) }
    return try machine.run(state.processor, time: state.time)
  }

  private func judge(
    _ witness: X86Witness, _ kind: EngineKind, _ one: X86Outcome, _ other: X86Outcome, _ undefined: [UInt64]
  ) -> X86WitnessReplay {
    var replay = X86WitnessReplay(engine: kind, holds: false, outcomes: [])
    let bothComplete = one.completes && other.completes
    let differences = X86Judgement.differences(one, other, undefined: undefined)
    switch witness.reason {
    case .control:
      let changed = X86Judgement.control(witness.first.processor, one)
      let isSame = X86Reason.controlRegisters.allSatisfy { one.state[$0] == witness.second.processor[$0] }
      replay.holds = !changed.isEmpty && isSame
      replay.outcomes = [
        Self.text(witness.first, one)
          + (changed.isEmpty ? "" : ", changes " + changed.joined(separator: ", "))
      ]
    case .device:
      replay.holds = one.completes && one.usesDevice
      replay.outcomes = [
        Self.text(witness.first, one)
          + (one.usesDevice ? ", a device is accessed" : ", no device is accessed")
      ]
    case nil:
      replay.holds = one.completes && other.trap == 13
      replay.outcomes = [Self.text(witness.first, one), Self.text(witness.second, other)]
    default:
      replay.holds = bothComplete && !differences.isEmpty
      replay.outcomes = [Self.text(witness.first, one), Self.text(witness.second, other)]
      if bothComplete {
        replay.outcomes.append(
          differences.isEmpty ? "no difference" : "a program sees " + differences.joined(separator: ", "))
      }
    }
    return replay
  }

  private static func text(_ state: MachineState, _ outcome: X86Outcome) -> String {
    let ring = "ring \(state.processor[.ssAttributes] >> 5 & 3): "
    if outcome.completes { return ring + "completes" }
    guard let trap = outcome.trap else { return ring + "does not come to its end" }
    let names = X86InstructionSet.causeNames
    return ring + "traps (\(trap < UInt64(names.count) ? names[Int(trap)] : "\(trap)"))"
  }

  static func context(_ state: ProcessorState) -> UInt64 {
    let isLong = state[.efer] & 0x400 != 0 && state[.csAttributes] & 0x2000 != 0
    return (isLong ? X86DecodeContext.long64 : .flat32).rawValue
  }

  // MARK: What a witness may be

  /// The states must fit the machine, and differ as the witness says.
  private static func check(_ witness: X86Witness) throws {
    for state in [witness.first, witness.second] {
      guard state.processor.registers.count == X86Register.allCases.count else {
        throw WitnessError("a state does not have the registers of the x86 processor")
      }
      for block in state.storage {
        guard block.address <= UInt64(storageSize), block.bytes.count <= storageSize - Int(block.address)
        else { throw WitnessError("storage at \(hex(block.address)) is outside the small machine") }
      }
    }
    guard witness.reason != .control else { return }
    let allowed = registers(witness.reason)
    for register in X86Register.allCases
    where witness.first.processor[register] != witness.second.processor[register] {
      let bits = witness.first.processor[register] ^ witness.second.processor[register]
      let isFlag = register == .rflags && witness.reason == .interruptFlag && bits == 0x200
      guard allowed.contains(register) || isFlag else {
        throw WitnessError("the states differ in \(register.name), which is not what the witness is about")
      }
    }
    guard witness.first.storage == witness.second.storage else {
      throw WitnessError("the states differ in storage, which is not what the witness is about")
    }
    guard witness.first.time == witness.second.time || witness.reason == .time else {
      throw WitnessError("the states differ in time, which is not what the witness is about")
    }
    guard witness.reason == .device || !witness.axis.isEmpty else {
      throw WitnessError("the states do not differ")
    }
  }

  /// The registers in which the states of a witness may differ.
  private static func registers(_ reason: X86Reason?) -> Set<X86Register> {
    let stack: Set<X86Register> = [.ss, .ssBase, .ssLimit, .ssAttributes]
    let code: Set<X86Register> = [.cs, .csBase, .csLimit, .csAttributes]
    switch reason {
    case nil, .level: return stack.union(code)
    case .segment: return stack.union(code).union([.es, .ds, .fs, .gs, .fsBase, .gsBase])
    case .globalTable: return [.gdtrBase, .gdtrLimit]
    case .interruptTable: return [.idtrBase, .idtrLimit]
    case .localTable: return [.ldtr, .ldtrBase, .ldtrLimit, .ldtrAttributes]
    case .task: return [.tr, .trBase, .trLimit, .trAttributes]
    case .machineStatus: return [.cr0]
    case .time: return [.timeOffset]
    case .systemRegister:
      let named: Set<X86Register> = [
        .es, .ds, .fs, .gs, .gdtrBase, .gdtrLimit, .idtrBase, .idtrLimit, .ldtr, .tr, .cr0, .timeOffset,
      ]
      return Set(X86Reason.controlRegisters).subtracting(named).subtracting(stack).subtracting(code)
    case .control, .device, .interruptFlag: return []
    }
  }

  // MARK: Small witnesses

  /// The witness with all storage taken away that it can do without.
  ///
  /// Pieces of storage are cleared one after the other, large ones first; each stays clear if both engines still
  /// bear the witness out.
  public func minimized(_ witness: X86Witness) throws -> X86Witness {
    guard try replay(witness).allSatisfy(\.holds) else { return witness }
    var best = witness
    // Blocks may lie over one another; the later ones count.
    var contents = [UInt8](repeating: 0, count: Self.storageSize)
    for block in witness.first.storage {
      contents.replaceSubrange(
        Int(block.address)..<Int(block.address) + block.bytes.count, with: block.bytes)
    }
    best.first.storage = X86Witness.blocks(contents)
    best.second.storage = best.first.storage
    for size in [16_384, 2048, 256, 32, 8] {
      for place in stride(from: 0, to: contents.count, by: size) {
        let range = place..<place + size
        guard Self.touches(range, best.first.storage) else { continue }
        let storage = Self.removing(range, best.first.storage)
        var tried = best
        tried.first.storage = storage
        tried.second.storage = storage
        if !cutsCode(tried), try replay(tried).allSatisfy(\.holds) { best = tried }
      }
    }
    return best
  }

  private static func touches(_ range: Range<Int>, _ blocks: [MachineState.Block]) -> Bool {
    for block in blocks
    where Int(block.address) < range.upperBound && Int(block.address) + block.bytes.count > range.lowerBound {
      return true
    }
    return false
  }

  /// Blocks without what lies in a range.
  private static func removing(_ range: Range<Int>, _ blocks: [MachineState.Block]) -> [MachineState.Block] {
    blocks.flatMap { block -> [MachineState.Block] in
      let start = Int(block.address)
      let end = start + block.bytes.count
      guard start < range.upperBound, end > range.lowerBound else { return [block] }
      var kept: [MachineState.Block] = []
      if start < range.lowerBound {
        kept.append(.init(block.address, Array(block.bytes[..<(range.lowerBound - start)])))
      }
      if end > range.upperBound {
        kept.append(.init(UInt64(range.upperBound), Array(block.bytes[(range.upperBound - start)...])))
      }
      return kept
    }
  }

  /// Whether the instruction's own bytes are no longer all there.
  private func cutsCode(_ witness: X86Witness) -> Bool {
    let code = witness.code
    let machine = witness.mode == .long64 ? Self.codeLong : Self.codeFlat
    return !code.indices.allSatisfy { index in
      let place = machine + UInt64(index)
      let byte = witness.first.storage.first {
        $0.address <= place && place < $0.address + UInt64($0.bytes.count)
      }.map { $0.bytes[Int(place - $0.address)] }
      return (byte ?? 0) == code[index]
    }
  }

  private static let codeLong = (try? X86FuzzMachine(.long64, seed: 1, isPlain: true))?.physicalCode ?? 0
  private static let codeFlat = (try? X86FuzzMachine(.protected32, seed: 1, isPlain: true))?.physicalCode ?? 0
}
