import MachineCore
import Simulator
import X86Backend

/// A processor in protected mode with descriptor tables around it, for one rule at a time.
///
/// Every vector has a gate to a handler of its own, a HLT: a halted processor tells by its address which one
/// it is in, and the frame on its stack tells the rest.
struct SystemMachine {
  static let gdt: UInt64 = 0x1000
  static let idt: UInt64 = 0x2000
  static let tss: UInt64 = 0x3000
  static let ldt: UInt64 = 0x4000
  static let handlers: UInt64 = 0x9000
  static let code: UInt64 = 0x1_0000
  static let data: UInt64 = 0x1_8000
  static let stack0: UInt64 = 0x2_0000
  static let stack3: UInt64 = 0x2_8000
  static let tables: UInt64 = 0x4_0000

  /// Selectors in the descriptor table.
  static let code0: UInt64 = 0x08
  static let data0: UInt64 = 0x10
  static let code3: UInt64 = 0x1B
  static let data3: UInt64 = 0x23
  static let task: UInt64 = 0x28
  static let conforming: UInt64 = 0x30
  static let absent: UInt64 = 0x38
  static let gate: UInt64 = 0x40
  static let local: UInt64 = 0x48
  static let code16: UInt64 = 0x50

  var state: ProcessorState
  /// Contents of storage: address, value, bytes.
  private var contents: [(address: UInt64, value: UInt64, width: Int)] = []
  private let machine: X86Machine

  /// - Parameter ring: 0 or 3.
  init(ring: UInt64 = 0) {
    machine = X86Machine(mode: .protected32, entry: Self.code, segments: [], memorySize: 2 << 20)
    state = machine.initialState
    state[.gdtrBase] = Self.gdt
    state[.gdtrLimit] = 0x7F
    state[.idtrBase] = Self.idt
    state[.idtrLimit] = 0x7FF
    state[.tr] = Self.task
    state[.trBase] = Self.tss
    state[.trLimit] = 0x67
    state[.trAttributes] = 0x8B
    for (number, raw) in [
      0, 0x00CF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0x00CF_FB00_0000_FFFF, 0x00CF_F300_0000_FFFF,
      0x0000_8B00_3000_0067, 0x00CF_9F00_0000_FFFF, 0x00CF_1B00_0000_FFFF, 0, 0x0000_8200_4000_00FF,
      0x0000_9B00_0000_FFFF,
    ].enumerated() {
      put(Self.gdt + UInt64(number) * 8, UInt64(raw), 8)
    }
    for vector in 0..<UInt64(256) {
      setGate(vector, access: 0x8E)
      put(Self.handlers + vector * 16, 0xF4, 1)
    }
    put(Self.tss + 4, Self.stack0, 4)
    put(Self.tss + 8, Self.data0, 4)
    put(Self.tss + 0x66, 0x68, 2)
    enter(ring)
    state[.rsp] = ring == 0 ? Self.stack0 : Self.stack3
    state[.rip] = Self.code
  }

  /// Sets the flat segments of a ring.
  mutating func enter(_ ring: UInt64) {
    let bits = ring << 5
    state.setSegment(
      1,
      SegmentState(
        selector: ring == 0 ? Self.code0 : Self.code3, limit: 0xFFFF_FFFF, attributes: 0xC09B | bits))
    for number in [0, 2, 3, 4, 5] {
      state.setSegment(
        number,
        SegmentState(
          selector: ring == 0 ? Self.data0 : Self.data3, limit: 0xFFFF_FFFF, attributes: 0xC093 | bits))
    }
  }

  /// Puts the processor into virtual-8086 mode, at the same places.
  mutating func enterVirtual(ioPrivilege: UInt64) {
    state[.rflags] = 0x2_0002 | ioPrivilege << 12
    for number in 0..<6 {
      let base: UInt64 = number == 1 ? Self.code : number == 2 ? Self.stack3 - 0x8000 : Self.data
      state.setSegment(number, SegmentState(selector: base >> 4, base: base, limit: 0xFFFF, attributes: 0xF3))
    }
    state[.rip] = 0
    state[.rsp] = 0x8000
  }

  mutating func put(_ address: UInt64, _ value: UInt64, _ width: Int) {
    contents.append((address, value, width))
  }

  mutating func put(_ bytes: [UInt8], at address: UInt64 = code) {
    for (offset, byte) in bytes.enumerated() { put(address + UInt64(offset), UInt64(byte), 1) }
  }

  /// The gate of a vector: access byte and code selector.
  mutating func setGate(_ vector: UInt64, access: UInt64, selector: UInt64 = code0) {
    let target = Self.handlers + vector * 16
    put(
      Self.idt + vector * 8,
      target & 0xFFFF | selector << 16 | access << 40 | (target >> 16) << 48, 8)
  }

  /// What a run ended with.
  struct Outcome {
    let engine: any Engine
    let stop: StopReason

    var state: ProcessorState { engine.state }
    subscript(_ register: X86Register) -> UInt64 { engine.state[register] }
    func load(_ address: UInt64, _ width: Int) -> UInt64 {
      engine.platform.memory.load(address, width: width) ?? .max
    }

    /// The vector whose handler the processor halted in.
    var vector: UInt64? {
      let offset = engine.state[.rip] &- SystemMachine.handlers
      return engine.state[.halted] != 0 && offset < 0x1000 && offset & 15 == 1 ? offset >> 4 : nil
    }
    /// Doublewords on the stack, from the top.
    func frame(_ count: Int) -> [UInt64] {
      (0..<UInt64(count)).map { load(engine.state[.rsp] + $0 * 4, 4) }
    }
  }

  /// Runs on the emulator until the processor halts, or for `count` instructions.
  func run(
    _ count: UInt64 = 100, raising line: Int? = nil, after: UInt64 = 0
  ) throws -> Outcome {
    let platform = try machine.makePlatform()
    for (address, value, width) in contents { platform.memory.store(address, value, width: width) }
    let engine: any Engine = X86Interpreter(platform: platform, state: state)
    if let line {
      if after > 0 { _ = try engine.run(RunLimits(instructions: after), into: nil) }
      platform.raise(line: line)
    }
    let stop = try engine.run(RunLimits(instructions: count), into: nil)
    return Outcome(engine: engine, stop: stop)
  }
}
