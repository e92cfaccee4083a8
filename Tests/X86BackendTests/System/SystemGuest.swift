import MachineCore
import Simulator
import Testing
import Trace
import X86Backend

/// A bare machine for one rule of the processor's manual: tables by hand, a few bytes of code, a run.
struct SystemGuest {
  /// The engines that state the system machine; each test holds on all of them.
  static let engines: [EngineKind] = [.simulator, .emulator]

  static let code: UInt64 = 0x2_0000
  static let interruptTable: UInt64 = 0x8000
  /// Handlers of all vectors: sixteen bytes each, a HLT at first.
  static let handlers: UInt64 = 0x9000
  static let stack: UInt64 = 0x3_0000
  static let innerStack: UInt64 = X86Layout.ring0StackTop
  static let tables: UInt64 = 0x4_0000

  var state: ProcessorState
  let platform: Platform
  var memory: GuestMemory { platform.memory }
  private(set) var records: [TraceRecord] = []
  private(set) var stop: StopReason?
  let kind: EngineKind

  /// A machine with gates for all vectors; real mode has its interrupt vectors at 0.
  init(_ mode: X86Mode, on kind: EngineKind, _ bytes: [UInt8] = []) throws {
    self.kind = kind
    let machine = X86Machine(mode: mode, entry: Self.code, segments: [], memorySize: 2 << 20)
    platform = try machine.makePlatform()
    state = machine.initialState
    for vector in 0..<UInt64(64) {
      memory.store(Self.handlers + vector * 16, 0xF4, width: 1)
      if mode == .real16 {
        memory.store(vector * 4, (Self.handlers >> 4) << 16 | vector * 16, width: 4)
      } else {
        setGate(vector, type: 0x8E)
      }
    }
    if mode == .real16 {
      var segment = state.segment(1)
      (segment.selector, segment.base) = (Self.code >> 4, Self.code)
      state.setSegment(1, segment)
      state[.rip] = 0
    } else {
      state[.idtrBase] = Self.interruptTable
      state[.idtrLimit] = mode == .long64 ? 0x3FF : 0x1FF
    }
    state[.rsp] = mode == .real16 ? 0x7000 : Self.stack
    put(bytes, at: Self.code)
  }

  /// A gate to the vector's handler, with type byte `type` (P, DPL, S, type).
  func setGate(_ vector: UInt64, type: UInt64, selector: UInt64 = 8) {
    let handler = Self.handlers + vector * 16
    let gate = handler & 0xFFFF | selector << 16 | type << 40 | (handler >> 16) << 48
    if state[.efer] & 0x400 != 0 {
      memory.store(Self.interruptTable + vector * 16, gate, width: 8)
      memory.store(Self.interruptTable + vector * 16 + 8, 0, width: 8)
    } else {
      memory.store(Self.interruptTable + vector * 8, gate, width: 8)
    }
  }

  func put(_ bytes: [UInt8], at address: UInt64) {
    for (offset, byte) in bytes.enumerated() {
      memory.store(address + UInt64(offset), UInt64(byte), width: 1)
    }
  }

  func word(_ address: UInt64, _ width: Int = 4) -> UInt64 { memory.load(address, width: width) ?? .max }

  /// Words of the frame at the stack pointer.
  func frame(_ count: Int, width: Int = 4) -> [UInt64] {
    (0..<count).map { word(state[.ssBase] + state[.rsp] + UInt64($0 * width), width) }
  }

  /// Ring 3 with flat segments.
  mutating func enterRing3() {
    let isLong = state[.efer] & 0x400 != 0
    state.setSegment(
      1,
      SegmentState(
        selector: isLong ? 0x2B : 0x1B, limit: 0xFFFF_FFFF, attributes: isLong ? 0xA0FB : 0xC0FB))
    for number in [0, 2, 3, 4, 5] {
      state.setSegment(number, SegmentState(selector: 0x23, limit: 0xFFFF_FFFF, attributes: 0xC0F3))
    }
  }

  /// Virtual-8086 mode at the code, with all segments there.
  mutating func enterVirtual8086(ioPrivilege: UInt64) {
    for number in 0..<6 {
      state.setSegment(
        number, SegmentState(selector: Self.code >> 4, base: Self.code, limit: 0xFFFF, attributes: 0xF3))
    }
    state[.rip] = 0
    state[.rsp] = 0x8000
    state[.rflags] = 0x2_0002 | ioPrivilege << 12
  }

  /// Runs until the guest stops or `count` instructions have retired.
  mutating func run(_ count: UInt64 = 50) throws {
    let engine: any Engine =
      kind == .simulator
      ? Evaluator(instructionSet: X86InstructionSet(), platform: platform, state: state)
      : X86Interpreter(platform: platform, state: state)
    var found: [TraceRecord] = []
    let recorder = TraceRecorder(level: .instructions) { found += $0 }
    stop = try engine.run(RunLimits(instructions: count), into: recorder)
    recorder.flush()
    records = found
    state = engine.state
  }

  /// The vector in whose handler the processor halted.
  var vector: UInt64? {
    guard state[.halted] != 0 else { return nil }
    let offset = state[.csBase] &+ state[.rip] &- Self.handlers
    return offset < 1024 && offset & 15 == 1 ? offset >> 4 : nil
  }

  /// Vectors and values of the traps in the trace.
  var traps: [(vector: UInt32, value: UInt64)] {
    records.filter { $0.eventKind == .trap }.map { ($0.code, $0.value) }
  }
}
