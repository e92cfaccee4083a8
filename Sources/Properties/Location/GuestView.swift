internal import MachineCore
internal import Trace
internal import X86Backend

/// What a guest could see of its machine at one moment, for comparing machines with each other.
struct GuestView: Equatable {
  /// Registers, with what is left out set to zero.
  var registers: [UInt64]
  var memory: UInt64
  var pending: UInt32
  var console: UInt64
  /// Retired instructions and time spent waiting; zero where an engine cannot count.
  var time: [UInt64]
  /// Why the machine is not running.
  var stop: StopReason?

  init(_ engine: any Engine, stop: StopReason?, masks: [UInt64], withTime: Bool) {
    let platform = engine.platform
    registers = engine.state.registers
    for (number, mask) in masks.enumerated() where number < registers.count { registers[number] &= mask }
    memory = platform.memory.digest
    pending = platform.pending
    console = Digest.of(platform.console)
    time = withTime ? [platform.retired, platform.idle] : []
    self.stop = stop
  }

  /// Nothing differs but the program counter: one of the engines is inside a repeated instruction.
  func differsOnlyIn(_ register: Int, _ other: GuestView) -> Bool {
    var left = self
    left.registers[register] = other.registers[register]
    return left == other
  }

  /// The bits of each register that are compared.
  ///
  /// With a real processor, flags that an instruction may leave undefined are left out, and registers that
  /// a measured behaviour of the host explains: a wrong flag that matters shows as soon as it is used.
  static func masks(_ workload: Workload, withHardware: Bool) -> [UInt64] {
    guard workload.isa == "x86" else { return [] }
    var masks = [UInt64](repeating: .max, count: X86Register.allCases.count)
    guard withHardware else { return masks }
    masks[X86Register.rflags.index] = ~0x8D5
    for register in HostDeviations.measured.flatMap(\.registers) { masks[register.index] = 0 }
    return masks
  }
}

/// The state of a machine at a place where all of them agreed.
struct EngineMoment {
  var state: ProcessorState
  var platform: Platform.State
  var console: [UInt8]

  init(_ engine: any Engine) {
    state = engine.state
    platform = engine.platform.save()
    console = engine.platform.console
  }

  /// Puts the machine back; `storage` is what they all had.
  func restore(_ engine: any Engine, storage: [UInt8]) throws {
    engine.platform.console = console
    engine.platform.restore(platform)
    try engine.platform.memory.write(storage, at: 0)
    engine.state = state
  }
}

/// How two machines differ, for people.
enum StateDifference {
  /// Up to `limit` registers and places in storage, a line each.
  static func lines(
    _ left: any Engine, _ right: any Engine, masks: [UInt64], limit: Int = 6
  ) -> [String] {
    var lines: [String] = []
    let (first, second) = (left.state.registers, right.state.registers)
    let names = left.instructionSet.registers.map(\.name)
    let (one, other) = (left.kind.rawValue, right.kind.rawValue)
    var count = 0
    for number in first.indices where number < second.count {
      let mask = number < masks.count ? masks[number] : .max
      guard (first[number] ^ second[number]) & mask != 0 else { continue }
      count += 1
      if count <= limit {
        lines.append(
          "\(names[number]): \(one) \(hex(first[number])), \(other) \(hex(second[number]))")
      }
    }
    if count > limit { lines.append("and \(count - limit) more registers") }
    let memory = places(left.platform.memory, right.platform.memory)
    for (address, values) in memory.found.prefix(limit) {
      lines.append("memory \(hex(address)): \(one) \(hex(values.0)), \(other) \(hex(values.1))")
    }
    if memory.count > limit { lines.append("and \(memory.count - limit) more words of memory") }
    if left.platform.console != right.platform.console { lines.append("what was written to the console") }
    return lines
  }

  /// Words of eight bytes that differ: the first few, and how many in all.
  private static func places(_ left: GuestMemory, _ right: GuestMemory)
    -> (found: [(UInt64, (UInt64, UInt64))], count: Int)
  {
    var found: [(UInt64, (UInt64, UInt64))] = []
    var count = 0
    for offset in stride(from: 0, to: min(left.size, right.size) - 7, by: 8) {
      // SAFETY: eight bytes from the offset lie inside both.
      let first = left.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let second = right.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      guard first != second else { continue }
      count += 1
      if found.count < 16 {
        found.append((UInt64(offset), (UInt64(littleEndian: first), UInt64(littleEndian: second))))
      }
    }
    return (found, count)
  }
}
