import MachineCore
import Simulator
import Trace

/// A made-up machine for tests: the first byte of an instruction is the number of its definition.
///
/// Registers: `a`, `b`, `c` (64 bits), `n` (16 bits), `z` (zero), `pc`, `mode`, `enable`, `waiting`,
/// `cause`, `value`, `saved`. Traps enter at 0x800 in mode 0 with interrupts off.
struct ScriptedSet: InstructionSet {
  static let a: RegisterID = 0
  static let b: RegisterID = 1
  static let c: RegisterID = 2
  static let n: RegisterID = 3
  static let z: RegisterID = 4
  static let pc: RegisterID = 5
  static let mode: RegisterID = 6
  static let enable: RegisterID = 7
  static let waiting: RegisterID = 8
  static let cause: RegisterID = 9
  static let value: RegisterID = 10
  static let saved: RegisterID = 11

  /// One instruction: its length, its operands (an immediate's value is the rest of the bytes), its effects.
  struct Form: Sendable {
    var length: Int
    var operands: [Operand]
    var effects: [Effect]

    init(_ length: Int, _ operands: [Operand] = [], _ effects: [Effect]) {
      self.length = length
      self.operands = operands
      self.effects = effects
    }
  }

  var forms: [Form]
  var fetchUnit = 1
  var procedures: [Procedure]
  var decodeContext: Expression = .constant(0)

  let name = "scripted"
  let variant = "test"
  let registers: [RegisterDescriptor] = [
    RegisterDescriptor("a", width: 64), RegisterDescriptor("b", width: 64),
    RegisterDescriptor("c", width: 64),
    RegisterDescriptor("n", width: 16), RegisterDescriptor("z", width: 64, isZero: true),
    RegisterDescriptor("pc", width: 32, role: .programCounter),
    RegisterDescriptor("mode", width: 8, role: .mode),
    RegisterDescriptor("enable", width: 1, role: .interruptEnable),
    RegisterDescriptor("waiting", width: 1, role: .waiting), RegisterDescriptor("cause", width: 32),
    RegisterDescriptor("value", width: 64), RegisterDescriptor("saved", width: 32),
  ]
  let auxiliaries = [AuxiliaryDescriptor("tlb", role: .relocation)]
  let causes = ["", "illegal", "bound", "page"]

  /// Virtual page 0x10 (addresses 0x10000…0x10FFF) lies at 0x3000, page 0x11 at 0x1000, page 0x12 traps;
  /// below, a segment moves addresses up by 256 times its number.
  static let translate = Procedure(
    "translate", [0, 1, 2, 3],
    [
      .when(
        .binary(.lessUnsigned, .local(0), .constant(0x10000), .bits64),
        then: [
          .give(.binary(.add, .local(0), .binary(.shiftLeft, .local(2), .constant(8), .bits64), .bits64))
        ],
        otherwise: []),
      .assign(4, .binary(.shiftRightUnsigned, .local(0), .constant(12), .bits64)),
      .assign(5, .binary(.and, .local(0), .constant(0xFFF), .bits64)),
      .when(
        .binary(.equal, .local(4), .constant(0x10), .bits64),
        then: [.give(.binary(.or, .constant(0x3000), .local(5), .bits64))], otherwise: []),
      .when(
        .binary(.equal, .local(4), .constant(0x11), .bits64),
        then: [.give(.binary(.or, .constant(0x1000), .local(5), .bits64))], otherwise: []),
      .when(
        .binary(.equal, .local(4), .constant(0x12), .bits64),
        then: [.trap(.constant(3), .local(0))], otherwise: []),
      .give(.local(0)),
    ])
  static let deliver = Procedure(
    "deliver", [0, 1, 2],
    [
      .write(cause, .local(0)), .write(value, .local(1)), .write(saved, .pc), .write(pc, .constant(0x800)),
      .write(mode, .constant(0)), .write(enable, .constant(0)),
    ])

  init(_ forms: [Form], procedures: [Procedure] = []) {
    self.forms = forms
    self.procedures = [Self.translate, Self.deliver] + procedures
  }

  var definitions: [InstructionDefinition] {
    forms.enumerated().map {
      InstructionDefinition(mnemonic: "i\($0.offset)", meaning: "test", effects: $0.element.effects)
    }
  }

  var system: SystemSemantics {
    SystemSemantics(
      procedures: procedures, translate: 0, deliver: 1, interruptible: .register(Self.enable),
      interruptCauseBase: 16, mode: .register(Self.mode), decodeContext: decodeContext,
      programCounter: Self.pc, waiting: Self.waiting, illegalCause: 1)
  }

  func decode(_ bytes: InstructionBytes, context: UInt64) -> DecodeResult {
    let number = Int(bytes[0]) &+ Int(context)
    if bytes[0] == 0xFE { return .unsupported("made up") }
    guard number < forms.count else { return .illegal }
    let form = forms[number]
    guard bytes.count >= form.length else { return .needsMore }
    var decoded = DecodedInstruction(definition: number, length: bytes.count)
    for (index, operand) in form.operands.enumerated() {
      decoded.operands[index] = operand
      if operand.kind == .immediate {
        decoded.operands[index].value = (1..<form.length).reduce(0) {
          $0 | UInt64(bytes[$1]) << UInt64(($1 - 1) * 8)
        }
      }
    }
    return .instruction(decoded)
  }

  func disassemble(_ bytes: InstructionBytes, pc: UInt64, context: UInt64) -> String { "i\(bytes[0])" }
}

/// A machine with a program of a scripted set at address 0.
struct ScriptedMachine {
  let platform: Platform
  let evaluator: Evaluator

  init(_ set: ScriptedSet, _ program: [UInt8], registers: [RegisterID: UInt64] = [:]) throws {
    platform = Platform(memory: try GuestMemory(size: 0x5000))
    try platform.memory.write(program, at: 0)
    var state = ProcessorState(registers: Array(repeating: 0, count: set.registers.count))
    for (register, value) in registers { state.registers[Int(register)] = value }
    evaluator = Evaluator(instructionSet: set, platform: platform, state: state)
  }

  subscript(register: RegisterID) -> UInt64 { evaluator.state.registers[Int(register)] }

  /// Runs with a trace in memory.
  func trace(_ instructions: UInt64, level: TraceLevel = .instructions) throws -> (StopReason, [TraceRecord])
  {
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: level, capacity: 7) { records += $0 }
    let reason = try evaluator.run(RunLimits(instructions: instructions), into: recorder)
    recorder.flush()
    return (reason, records)
  }
}
