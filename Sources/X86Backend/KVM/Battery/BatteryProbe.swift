internal import MachineCore

/// A question to a processor: a small guest with handlers for all its traps, and what of its end is looked at.
///
/// The same guest runs on the hardware and on the emulator: what the manual asks for is written down with each
/// probe, and the emulator has to agree.
package struct BatteryProbe: Sendable {
  /// Where the code starts.
  enum Place: Sendable {
    /// Real mode, CS 2000h.
    case real16
    /// Ring 0 in flat 32-bit protected mode without paging.
    case protected32
    /// Ring 0 of long mode.
    case long64
    /// 64-bit code in ring 3.
    case ring3
  }

  /// Short name.
  package var id: String
  /// What is tried.
  package var behaviour: String
  /// Where the Intel Software Developer's Manual says what must happen.
  package var section: String
  /// What must happen.
  package var expected: String
  var place: Place
  var code: [UInt8]
  /// Registers that differ from the machine's first state.
  var registers: [X86Register: UInt64] = [:]
  /// Bits that are set in addition in registers.
  var bits: [X86Register: UInt64] = [:]
  /// Words in memory.
  var memory: [(address: UInt64, value: UInt64)] = []
  /// Bytes of code elsewhere in memory.
  var routines: [(address: UInt64, bytes: [UInt8])] = []
  /// A full PC, for interrupts.
  var isPC = false
  /// The emulator cannot judge: the manual alone does.
  package var isHardwareOnly = false
  /// Registers that can differ from other engines because of the deviation.
  var differing: [X86Register] = []
  /// What happened, in words.
  var look: @Sendable (BatteryEnd) -> String = { $0.text }

  /// The instructions of the probe's code start here; in real mode this is offset 0 of its segment.
  static let start: UInt64 = 0x2_0000
  /// A place for code that is entered from elsewhere.
  static let routine: UInt64 = 0x2_8000
  static let interruptTable: UInt64 = 0x8000
  /// Handlers of all vectors: sixteen bytes each, with a HLT first.
  static let handlers: UInt64 = 0x9000
  static let handlerCount: UInt64 = 64
  /// Ring-3 code; the second 2 MiB are open to ring 3.
  static let ring3: UInt64 = 0x20_0000
  static let ring3StackTop: UInt64 = 0x30_0000
  static let memorySize = 8 << 20

  /// Address of the first instruction.
  var first: UInt64 { place == .ring3 ? Self.ring3 : Self.start }

  private var mode: X86Mode {
    switch place {
    case .real16: .real16
    case .protected32: .protected32
    case .long64, .ring3: .long64
    }
  }

  /// The guest: machine and processor.
  func make() throws(MachineError) -> (platform: Platform, state: ProcessorState) {
    var machine = X86Machine(mode: mode, entry: Self.start, segments: [], memorySize: Self.memorySize)
    if isPC { machine.pc = PCParts() }
    let platform = try machine.makePlatform()
    var state = machine.initialState
    let memory = platform.memory
    for vector in 0..<Self.handlerCount {
      let handler = Self.handlers + vector * 16
      memory.store(handler, 0xF4, width: 1)
      switch mode {
      case .real16: memory.store(vector * 4, (Self.handlers >> 4) << 16 | vector * 16, width: 4)
      default:
        let gate = handler & 0xFFFF | X86Layout.Selector.code << 16 | 0x8E << 40 | (handler >> 16) << 48
        memory.store(Self.interruptTable + vector * (mode == .long64 ? 16 : 8), gate, width: 8)
      }
    }
    if mode == .real16 {
      state.setSegment(
        1, SegmentState(selector: Self.start >> 4, base: Self.start, limit: 0xFFFF, attributes: 0x9B))
      state[.rip] = 0
      state[.rsp] = 0x7000
    } else {
      state[.idtrBase] = Self.interruptTable
      state[.idtrLimit] = Self.handlerCount * (mode == .long64 ? 16 : 8) - 1
    }
    if place == .ring3 {
      state[.rip] = Self.ring3
      state[.rsp] = Self.ring3StackTop
      state.setSegment(1, X86InitialSegments.userCode64)
      for number in 0..<6 where number != 1 { state.setSegment(number, X86InitialSegments.userData) }
      for entry in [X86Layout.pml4, X86Layout.pdpt, X86Layout.pageDirectories + 8] {
        if let value = memory.load(entry, width: 8) { memory.store(entry, value | 4, width: 8) }
      }
    }
    try memory.write(code + (place == .ring3 ? [0x0F, 0x0B] : [0xF4]), at: Int(first))
    for word in self.memory { memory.store(word.address, word.value, width: 8) }
    for routine in routines { try memory.write(routine.bytes, at: Int(routine.address)) }
    for (register, value) in registers { state[register] = value }
    for (register, value) in bits { state[register] |= value }
    return (platform, state)
  }

  /// What the emulator sees.
  package func emulated() -> String {
    guard let (platform, state) = try? make() else { return "no guest could be made" }
    let engine = X86Interpreter(platform: platform, state: state)
    guard let reason = try? engine.run(RunLimits(instructions: 100_000), into: nil) else {
      return "a refusal"
    }
    return look(BatteryEnd(probe: self, reason: reason, state: engine.state, platform: platform))
  }
}

/// How a probe's guest ended.
struct BatteryEnd {
  let probe: BatteryProbe
  let reason: StopReason
  let state: ProcessorState
  let platform: Platform

  private var is64: Bool { state[.efer] & 0x400 != 0 }

  /// The vector whose handler stopped the guest.
  private var entered: UInt64? {
    guard case .idle = reason else { return nil }
    let linear = is64 ? state[.rip] : state[.csBase] &+ state[.rip]
    let place = linear &- 1 &- BatteryProbe.handlers
    return place < BatteryProbe.handlerCount * 16 ? place >> 4 : nil
  }

  /// The same, but for the trap that ends code in ring 3.
  var vector: UInt64? {
    guard let entered else { return nil }
    let end = BatteryProbe.ring3 + UInt64(probe.code.count)
    return probe.place == .ring3 && entered == 6 && savedPointer == end ? nil : entered
  }

  private var hasCode: Bool {
    guard let entered, state[.cr0] & 1 != 0 else { return false }
    return [8, 10, 11, 12, 13, 14, 17, 21].contains(entered)
  }

  private func stacked(_ slot: UInt64) -> UInt64 {
    let width = is64 ? 8 : state[.cr0] & 1 != 0 ? 4 : 2
    let base = is64 ? 0 : state[.ssBase]
    return platform.memory.load(base &+ state[.rsp] &+ slot &* UInt64(width), width: width) ?? 0
  }

  private var savedPointer: UInt64 { stacked(hasCode ? 1 : 0) }

  /// Where the trap says that the guest was, from the start of its code.
  var savedOffset: UInt64 {
    savedPointer &- (probe.place == .real16 ? 0 : probe.first)
  }

  /// Whether the guest came to the end of its code.
  var isComplete: Bool {
    if case .idle = reason { return vector == nil }
    return false
  }

  /// The trap with its code, or what else came of it.
  var text: String {
    if let vector {
      let name =
        vector < X86InstructionSet.causeNames.count
        ? X86InstructionSet.causeNames[Int(vector)] : "vector \(vector)"
      return "trap \(name)" + (hasCode ? ", code \(hex(stacked(0)))" : "")
    }
    return switch reason {
    case .idle: "completion"
    case .hostFailure(let text): text.split(separator: " ").first.map(String.init) ?? text
    case .checkStop: "a shutdown"
    case .hostTimeLimit, .limit: "a processor that never comes back"
    default: "\(reason)"
    }
  }

  /// Registers after a run to the end; what else came of it otherwise.
  func registers(_ list: [X86Register], mask: UInt64 = .max) -> String {
    isComplete ? values(list, mask) : text
  }

  /// What ended the run, with registers then.
  func end(with list: [X86Register]) -> String { vector == nil ? text : "\(text), \(values(list, .max))" }

  /// What ended the run, with the saved instruction pointer.
  var place: String { vector == nil ? text : "\(text), at +\(savedOffset)" }

  /// What ended the run, with the saved instruction pointer and DR6.
  var debug: String {
    guard vector == 1 else { return text }
    return "\(text), at +\(savedOffset), DR6 \(hex(state[.dr6]))"
  }

  private func values(_ list: [X86Register], _ mask: UInt64) -> String {
    list.map { "\($0.name.uppercased()) \(hex(state[$0] & mask))" }.joined(separator: ", ")
  }

  /// Words of memory after a run to the end.
  func words(_ addresses: [UInt64], mask: UInt64 = .max) -> String {
    guard isComplete else { return text }
    return addresses.map { hex((platform.memory.load($0, width: 8) ?? 0) & mask) }.joined(separator: ", ")
  }
}

#if os(Linux) && arch(x86_64)
  extension BatteryProbe {
    /// Long enough for a few instructions on a busy host.
    private static let patience = 0.4

    /// What the hardware does.
    package func tried() -> HostBehaviour {
      let seen = onHardware()
      return HostBehaviour(
        observation: HostDeviation(
          id: id, behaviour: behaviour, section: section, expected: expected, seen: seen, registers: differing
        ),
        deviates: seen != expected)
    }

    private func onHardware() -> String {
      let guest: KVMGuest
      let platform: Platform
      do {
        let made = try make()
        platform = made.platform
        guest = try KVMGuest(platform: platform, state: made.state)
      } catch {
        return "no guest could be made: \(error)"
      }
      let reason = guest.run(within: Self.patience) { core throws(KVMError) in try core.runFreely(nil) }
      return look(BatteryEnd(probe: self, reason: reason, state: guest.readState(), platform: platform))
    }
  }
#endif

/// Expectations that are the machine's own description.
enum BatteryExpectations {
  /// ECX and EDX of CPUID leaf 1.
  static var features: String {
    let leaf = X86CPUID.leaf(1)
    return "RCX \(hex(UInt64(leaf.ecx))), RDX \(hex(UInt64(leaf.edx)))"
  }
}

extension BatteryProbe {
  /// All probes.
  package static let all: [BatteryProbe] = control + paging + supervisor + user + protected + real
}
