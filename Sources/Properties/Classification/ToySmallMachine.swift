internal import Emulator
internal import MachineCore
internal import Simulator
internal import ToyISA

/// A toy machine small enough to try every state of interest: one instruction from a given state, again and again.
final class ToySmallMachine {
  /// Where a trap goes on, physically; behind the trap area.
  static let handler: UInt64 = 0x80
  /// Bytes of the window that base and bound, or a page, lead to.
  static let windowSize = 0x100
  /// The two places where the window can be.
  static let places: [UInt64] = [0x1000, 0x3000]
  /// Bytes of storage.
  static let storageSize = 0x8000
  private static let unharmed: [UInt8] = [0x00, 0x00, 0x00, 0x20]  // addi r0, r0, 0

  private let engine: any Engine
  private let platform: Platform
  private let start: Platform.State

  /// A machine of this variant whose console has `input`, on the simulator or the emulator.
  convenience init(_ variant: ToyVariant, on kind: EngineKind = .simulator, input: [UInt8]) throws {
    try self.init(input) { platform, state in
      if kind == .simulator {
        return Evaluator(instructionSet: ToyInstructionSet(variant), platform: platform, state: state)
      }
      return try Interpreter(variant: variant, platform: platform, state: state)
    }
  }

  /// A machine with replaced rows, on the simulator.
  convenience init(_ set: ToyRowSet, input: [UInt8]) throws {
    try self.init(input) { Evaluator(instructionSet: set, platform: $0, state: $1) }
  }

  private init(_ input: [UInt8], _ make: (Platform, ProcessorState) throws -> any Engine) throws {
    // Without sectors the disk refuses all orders, so no transfer is under way when the instruction ends.
    let machine = ToyMachine(memorySize: Self.storageSize, input: input, disk: [])
    platform = try machine.makePlatform()
    engine = try make(platform, ToyInstructionSet.resetState(entry: 0, storage: Self.storageSize))
    start = platform.save()
  }

  /// Storage that every state begins with: a handler for traps.
  static var trapStorage: [MachineState.Block] {
    func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
    let area = [UInt8](repeating: 0, count: Int(TrapArea.newPSW))
    let new = word(0) + word(UInt32(handler)) + word(0) + word(UInt32(storageSize))
    return [.init(0, area + new), .init(handler, unharmed + unharmed)]
  }

  /// Runs the instruction at the state's program counter.
  ///
  /// - Parameter window: guest-physical address of the bytes to look at afterwards.
  func run(_ state: MachineState, window: UInt64) throws -> MachineOutcome {
    platform.restore(start)
    platform.idle = state.time
    for block in state.storage { try platform.memory.write(block.bytes, at: Int(block.address)) }
    engine.state = state.processor
    let before = platform.save()
    _ = try engine.run(RunLimits(instructions: 1), into: nil)
    let cause = platform.memory.load(TrapArea.cause, width: 4) ?? 0
    let after = engine.state
    platform.retired = 0
    let isChanged = platform.save() != before
    let bytes = try platform.memory.read(Int(window)..<Int(window) + Self.windowSize)
    return MachineOutcome(
      // An interrupt that a device asked for is none of the instruction's doing.
      trap: cause == 0 || cause >= UInt64(ToyCause.timer.rawValue) ? nil : cause, processor: after,
      window: bytes, changesDevices: isChanged)
  }
}
