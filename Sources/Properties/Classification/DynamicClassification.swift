internal import MachineCore
public import ToyISA

/// Finds the class of every toy instruction by running it: all pairs of states of a small machine that
/// differ in one thing, as in the paper's definitions.
///
/// A trap that an address brings about takes a state out of the search. A pair shows behaviour sensitivity if
/// both complete, neither changes mode or relocation, and registers, storage or program counter differ.
public struct DynamicClassification: Sendable {
  /// One class per definition of the instruction set.
  public private(set) var classes: [InstructionClass] = []
  /// A witness for each kind of sensitivity of each instruction, and for its being privileged.
  public private(set) var witnesses: [[Witness]] = []
  /// How many times an instruction was run.
  public private(set) var runs = 0

  /// Searches the instructions of a variant.
  ///
  /// - Parameter rows: numbers of the instructions to search; the others stay unclassified.
  /// - Throws: ``MachineError`` when storage for the small machines cannot be had.
  public init(of variant: ToyVariant, rows: Set<Int>? = nil) throws {
    try self.init(variant, rows) { try ToySmallMachine(variant, input: $0) }
  }

  /// Searches the instructions of a table with replaced rows; its witnesses say `classic`.
  ///
  /// - Parameter rows: numbers of the instructions to search; the others stay unclassified.
  /// - Throws: ``MachineError`` when storage for the small machines cannot be had.
  public init(of set: ToyRowSet, rows: Set<Int>? = nil) throws {
    try self.init(.classic, rows) { try ToySmallMachine(set, input: $0) }
  }

  private init(_ variant: ToyVariant, _ rows: Set<Int>?, _ make: ([UInt8]) throws -> ToySmallMachine) throws {
    let machines = try [make([0x41]), make([0x42])]
    for row in toyTable.indices {
      guard rows?.contains(row) ?? true else {
        classes.append(InstructionClass())
        witnesses.append([])
        continue
      }
      var search = ToySearch(variant, machines)
      for word in ToyStateSpace.words(of: row) { try search.run(word) }
      classes.append(search.found)
      witnesses.append(search.witnesses)
      runs += search.runs
    }
  }
}

/// The search for one instruction.
private struct ToySearch {
  private let variant: ToyVariant
  private let machines: [ToySmallMachine]
  private(set) var sensitivity: Sensitivity = []
  private(set) var witnesses: [Witness] = []
  private(set) var runs = 0
  private var isPrivileged = true
  private var sawPair = false

  init(_ variant: ToyVariant, _ machines: [ToySmallMachine]) {
    self.variant = variant
    self.machines = machines
  }

  var found: InstructionClass {
    var result = InstructionClass()
    result.privileged = isPrivileged && sawPair
    result.sensitivity = sensitivity
    return result
  }

  mutating func run(_ word: UInt32) throws {
    let outcomes = try ToyStateSpace.points.map { try outcome(word, $0) }
    for point in ToyStateSpace.points {
      let first = outcomes[point.index]
      for axis in ToyStateSpace.Axis.allCases where !point.contains(axis) {
        let other = point.crossing(axis)
        if axis == .time || axis == .device {
          // Crossed from every point, and needed for nothing else.
          if sensitivity.isSuperset(of: axis.shows(user: point.contains(.mode))) { continue }
          guard first.trap == nil else { continue }
          judge(word, point, axis, first, try outcome(word, other))
        } else {
          judge(word, point, axis, first, outcomes[other.index])
        }
      }
      judgeControl(word, point, first)
    }
  }

  private mutating func outcome(_ word: UInt32, _ point: ToyStateSpace.Point) throws -> MachineOutcome {
    runs += 1
    return try machines[point.contains(.device) ? 1 : 0].run(
      ToyStateSpace.state(at: point, word: word), window: ToyStateSpace.window(of: point))
  }

  private mutating func note(
    _ kind: Sensitivity, _ word: UInt32, _ axis: String, _ states: (MachineState, MachineState)
  ) {
    guard !sensitivity.isSuperset(of: kind) else { return }
    sensitivity.insert(kind)
    witnesses.append(
      Witness(
        variant: variant, word: word, shows: .sensitive(kind), axis: axis, first: states.0, second: states.1))
  }

  /// A pair of states.
  private mutating func judge(
    _ word: UInt32, _ point: ToyStateSpace.Point, _ axis: ToyStateSpace.Axis, _ first: MachineOutcome,
    _ second: MachineOutcome
  ) {
    let states = {
      (
        ToyStateSpace.state(at: point, word: word),
        ToyStateSpace.state(at: point.crossing(axis), word: word)
      )
    }
    if first.isMemoryTrap || second.isMemoryTrap { return }
    if axis == .mode {
      let isRight = first.trap == nil && second.trap == UInt64(ToyCause.privileged.rawValue)
      isPrivileged = isPrivileged && isRight
      if isRight, !sawPair {
        witnesses.append(
          Witness(
            variant: variant, word: word, shows: .privileged, axis: axis.rawValue, first: states().0,
            second: states().1))
      }
      sawPair = true
    }
    let kind = axis.shows(user: point.contains(.mode))
    guard !sensitivity.isSuperset(of: kind) else { return }
    let (before, other) = states()
    guard ToyJudgement.differs(before, first, other, second) else { return }
    note(kind, word, axis.rawValue, (before, other))
  }

  private mutating func judgeControl(
    _ word: UInt32, _ point: ToyStateSpace.Point, _ outcome: MachineOutcome
  ) {
    let kind: Sensitivity = point.contains(.mode) ? .userControl : .supervisorControl
    guard !sensitivity.isSuperset(of: kind), outcome.trap == nil else { return }
    let before = ToyStateSpace.state(at: point, word: word)
    guard let change = ToyJudgement.control(before, outcome) else { return }
    let after = MachineState(
      processor: outcome.processor,
      storage: before.storage.dropLast() + [.init(ToyStateSpace.window(of: point), outcome.window)],
      time: before.time, input: before.input)
    note(kind, word, change, (before, after))
  }
}

extension MachineOutcome {
  /// The instruction ended in what the paper calls a memory trap.
  var isMemoryTrap: Bool { trap.map { StaticClassification.toyMemoryCauses.contains($0) } ?? false }
}

/// The paper's definitions, applied to what the small machine did.
enum ToyJudgement {
  private static let control: [RegisterID] = [
    ToyRegister.mode, ToyRegister.interruptEnable, ToyRegister.paging, ToyRegister.base, ToyRegister.bound,
    ToyRegister.waiting,
  ]

  /// Which part of the resources or the mode an instruction that completed has changed.
  static func control(_ before: MachineState, _ outcome: MachineOutcome) -> String? {
    guard outcome.trap == nil else { return nil }
    for register in control
    where before.processor.registers[Int(register)] != outcome.processor.registers[Int(register)] {
      return ToyRegister.table[Int(register)].name
    }
    if before.processor.auxiliaries != outcome.processor.auxiliaries { return "TLB" }
    return outcome.changesDevices ? "devices" : nil
  }

  /// Whether two executions that kept mode and relocation end differently for the program.
  static func differs(
    _ first: MachineState, _ one: MachineOutcome, _ second: MachineState, _ other: MachineOutcome
  ) -> Bool {
    guard one.trap == nil, other.trap == nil, keepsControl(first, one), keepsControl(second, other) else {
      return false
    }
    let bound = Int(ToyRegister.bound)
    let visible = Int(
      min(first.processor.registers[bound], second.processor.registers[bound], UInt64(one.window.count)))
    return one.processor.registers[...Int(ToyRegister.pc)]
      != other.processor.registers[...Int(ToyRegister.pc)]
      || one.window[..<visible] != other.window[..<visible]
  }

  private static func keepsControl(_ before: MachineState, _ outcome: MachineOutcome) -> Bool {
    control.allSatisfy { before.processor.registers[Int($0)] == outcome.processor.registers[Int($0)] }
      && before.processor.auxiliaries == outcome.processor.auxiliaries
  }
}
