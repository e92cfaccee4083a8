internal import Emulator
public import MachineCore
internal import Simulator
public import ToyISA

/// Two concrete states and an instruction that show why a verdict is as it is.
///
/// For control sensitivity the second state is what the instruction makes of the first; else the two
/// differ in what ``axis`` names and nothing else that the instruction may see.
public struct Witness: Sendable, Equatable {
  /// What a witness shows.
  public enum Claim: Sendable, Equatable {
    case privileged
    case sensitive(Sensitivity)

    /// Stable name in files.
    public var name: String {
      switch self {
      case .privileged: "privileged"
      case .sensitive(let kind): kind.names.joined(separator: ", ")
      }
    }
  }

  /// Variant of the toy instruction set.
  public var variant: ToyVariant
  /// The instruction.
  public var word: UInt32
  /// What it shows.
  public var shows: Claim
  /// What the states differ in, or what the instruction changes.
  public var axis: String
  /// The two states.
  public var first: MachineState
  public var second: MachineState

  /// A witness.
  public init(
    variant: ToyVariant, word: UInt32, shows: Claim, axis: String, first: MachineState, second: MachineState
  ) {
    self.variant = variant
    self.word = word
    self.shows = shows
    self.axis = axis
    self.first = first
    self.second = second
  }

  /// The instruction as text.
  public var instruction: String { ToyDisassembler.text(of: word, at: 0) }
}

/// What became of a witness on an engine.
public struct WitnessReplay: Sendable {
  /// The engine.
  public var engine: EngineKind
  /// The claim is borne out.
  public var holds: Bool
  /// What happened in the first and, for pairs, in the second state.
  public var outcomes: [String]

  /// Replays a witness on an engine.
  ///
  /// - Throws: ``WitnessError`` when the states are none of this machine, or differ in more than they say.
  public init(_ witness: Witness, on kind: EngineKind) throws {
    try self.init(witness, kind) { try ToySmallMachine(witness.variant, on: kind, input: $0) }
  }

  /// Replays a witness on a simulator with replaced rows, whatever variant it names.
  ///
  /// - Throws: ``WitnessError`` when the states are none of this machine, or differ in more than they say.
  public init(_ witness: Witness, with set: ToyRowSet) throws {
    try self.init(witness, .simulator) { try ToySmallMachine(set, input: $0) }
  }

  private init(_ witness: Witness, _ kind: EngineKind, _ make: ([UInt8]) throws -> ToySmallMachine) throws {
    engine = kind
    try WitnessCheck(witness).check()
    func run(_ state: MachineState) throws -> MachineOutcome {
      try make(state.input).run(state, window: Self.window(of: state))
    }
    let one = try run(witness.first)
    switch witness.shows {
    case .sensitive(let kind) where !kind.isDisjoint(with: [.supervisorControl, .userControl]):
      let change = ToyJudgement.control(witness.first, one)
      holds = change == witness.axis && one.processor == witness.second.processor
      outcomes = [Self.text(witness.first, one)]
    case .sensitive:
      let other = try run(witness.second)
      holds = ToyJudgement.differs(witness.first, one, witness.second, other)
      outcomes = [Self.text(witness.first, one), Self.text(witness.second, other)]
    case .privileged:
      let other = try run(witness.second)
      holds = one.trap == nil && other.trap == UInt64(ToyCause.privileged.rawValue)
      outcomes = [Self.text(witness.first, one), Self.text(witness.second, other)]
    }
  }

  private static func window(of state: MachineState) -> UInt64 { state.storage.last?.address ?? 0 }

  /// What an instruction did, by what changed.
  private static func text(_ before: MachineState, _ outcome: MachineOutcome) -> String {
    let mode = before.processor.registers[Int(ToyRegister.mode)] == 0 ? "supervisor mode" : "user mode"
    if let trap = outcome.trap {
      return "\(mode): traps (\(ToyCause(rawValue: UInt32(truncatingIfNeeded: trap))?.name ?? "\(trap)"))"
    }
    var changes = zip(before.processor.registers, outcome.processor.registers).enumerated()
      .filter { $0.element.0 != $0.element.1 }
      .map { "\(ToyRegister.table[$0.offset].name) \(hex($0.element.0)) → \(hex($0.element.1))" }
    if before.processor.auxiliaries != outcome.processor.auxiliaries { changes.append("the TLB changes") }
    if before.storage.last?.bytes != outcome.window { changes.append("storage changes") }
    if outcome.changesDevices { changes.append("a device changes") }
    return "\(mode): completes; " + (changes.isEmpty ? "nothing changes" : changes.joined(separator: ", "))
  }
}

/// A witness that cannot be replayed.
public struct WitnessError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong with it.
  public var description: String

  init(_ description: String) { self.description = description }
}
