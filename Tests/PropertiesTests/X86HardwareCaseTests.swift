import MachineCore
import Properties
import Simulator
import Testing
import X86Backend

/// Single instructions in ring 3 on which engines and the real processor once disagreed.
///
/// What must happen was seen on an Intel processor (family 6, model 167) outside any virtual machine monitor's
/// reach: in an ordinary process, by the trap number, error code and address of its signals.
@Suite struct X86HardwareCaseTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    var registers: [X86Register: UInt64]
    var expected: Expectation
    var testDescription: String { name }

    init(
      _ name: String, _ bytes: [UInt8], _ registers: [X86Register: UInt64], _ expected: Expectation
    ) {
      self.name = name
      self.bytes = bytes
      self.registers = registers
      self.expected = expected
    }
  }

  enum Expectation: Sendable {
    /// A page fault with this error code at this address.
    case pageFault(UInt64, UInt64)
    case trap(Int)
    /// Completion, with registers and words of memory.
    case completes([X86Register: UInt64], memory: [UInt64: UInt64])
  }

  private static let wild: UInt64 = 1 << 63
  /// Present, but ring 0's; and not present at all.
  private static let closed: UInt64 = 0x1005
  private static let absent: UInt64 = 0x22_0000

  private static let changes: [Case] = [
    ("add [rbx], al", [0x00, 0x03]), ("or [rbx], al", [0x08, 0x03]), ("adc [rbx], eax", [0x11, 0x03]),
    ("sbb [rbx], rax", [0x48, 0x19, 0x03]), ("and [rbx], 1", [0x80, 0x23, 1]),
    ("sub [rbx], al", [0x28, 0x03]),
    ("xor [rbx], al", [0x30, 0x03]), ("inc [rbx]", [0xFE, 0x03]), ("dec [rbx]", [0xFF, 0x0B]),
    ("not [rbx]", [0xF6, 0x13]), ("neg [rbx]", [0xF7, 0x1B]), ("xchg [rbx], eax", [0x87, 0x03]),
    ("xadd [rbx], eax", [0x0F, 0xC1, 0x03]), ("cmpxchg [rbx], cl", [0x0F, 0xB0, 0x0B]),
    ("rol [rbx], 1", [0xD0, 0x03]), ("rcr [rbx], cl", [0xD2, 0x1B]), ("shl [rbx], 0", [0xC1, 0x23, 0]),
    ("sar [rbx], 3", [0xC0, 0x3B, 3]), ("shld [rbx], eax, 0", [0x0F, 0xA4, 0x03, 0]),
    ("shrd [rbx], eax, cl", [0x0F, 0xAD, 0x03]), ("bts [rbx], 1", [0x0F, 0xBA, 0x2B, 1]),
    ("btr [rbx], ebp", [0x0F, 0xB3, 0x2B]), ("btc [rbx], ebp", [0x0F, 0xBB, 0x2B]),
    ("setz [rbx]", [0x0F, 0x94, 0x03]), ("cmpxchg8b [rbx]", [0x0F, 0xC7, 0x0B]),
    ("mov [rbx], al", [0x88, 0x03]), ("pop [rbx]", [0x8F, 0x03]),
  ].map { Case($0.0, $0.1, [.rbx: closed], .pageFault(7, closed)) }

  private static let others: [Case] = [
    Case("add at an absent page", [0x00, 0x03], [.rbx: absent], .pageFault(6, absent)),
    Case("add across a page", [0x01, 0x03], [.rbx: absent - 2], .pageFault(6, absent)),
    Case("cmpxchg8b across a page", [0x0F, 0xC7, 0x0B], [.rbx: absent - 4], .pageFault(6, absent)),
    Case(
      "cmpxchg16b at an absent page", [0x48, 0x0F, 0xC7, 0x0B], [.rbx: absent], .pageFault(6, absent)),
    Case(
      "bts by a negative number", [0x0F, 0xAB, 0x03], [.rbx: absent + 8, .rax: .max],
      .pageFault(6, absent + 4)),
    Case(
      "bt by a negative number", [0x0F, 0xA3, 0x03], [.rbx: absent + 8, .rax: .max],
      .pageFault(4, absent + 4)),
    Case("cmp only reads", [0x38, 0x03], [.rbx: closed], .pageFault(5, closed)),
    Case("test only reads", [0x84, 0x03], [.rbx: closed], .pageFault(5, closed)),
    Case("cmov only reads", [0x0F, 0x40, 0x03], [.rbx: closed], .pageFault(5, closed)),
    Case("push reads first", [0xFF, 0x33], [.rbx: closed, .rsp: absent + 16], .pageFault(5, closed)),
    Case("pop reads first", [0x8F, 0x03], [.rbx: closed, .rsp: absent], .pageFault(4, absent)),
    Case("cmpsb: ES:RDI first", [0xA6], [.rsi: closed, .rdi: absent], .pageFault(4, absent)),
    Case("cmpsb: RDI not canonical", [0xA6], [.rsi: closed, .rdi: wild], .trap(13)),
    Case("cmpsb: RSI not canonical", [0xA6], [.rsi: wild, .rdi: absent], .pageFault(4, absent)),
    Case("movsd: RSI first", [0xA5], [.rsi: closed, .rdi: absent], .pageFault(5, closed)),
    Case("rep insb, no times", [0xF3, 0x6C], [.rcx: 0, .rdi: 0x20_6000], .trap(13)),
    Case("rep outsb, no times", [0xF3, 0x6E], [.rcx: 0, .rsi: 0x20_6000], .trap(13)),
    Case(
      "call: the push before the target", [0xFF, 0xD0], [.rax: wild, .rsp: absent + 8],
      .pageFault(6, absent)),
    Case("call: a wild stack", [0xFF, 0xD0], [.rax: wild, .rsp: wild], .trap(12)),
    Case("call: a wild target", [0xFF, 0xD0], [.rax: wild, .rsp: 0x20_8000], .trap(13)),
    Case(
      "enter with overlapping frames", [0xC8, 8, 0, 3], [.rsp: 0x20_8080, .rbp: 0x20_8080],
      .completes(
        [.rsp: 0x20_8058, .rbp: 0x20_8078],
        memory: [0x20_8078: 0x20_8080, 0x20_8068: 0x20_8080, 0x20_8060: 0x20_8078])),
    Case(
      "enter with frames that overlap in part", [0xC8, 0, 0, 2], [.rsp: 0x20_8080, .rbp: 0x20_807C],
      .completes(
        [.rsp: 0x20_8068, .rbp: 0x20_8078],
        memory: [0x20_8078: 0x20_807C, 0x20_8068: 0x20_8078])),
    Case(
      "enter: a bound that is an absent page", [0xC8, 0, 0xFF, 0],
      [.rsp: absent + 0xFF08, .rbp: 0x20_5000], .pageFault(6, absent + 0xFF00)),
    Case("mov with REX.R to FS", [0x4C, 0x8E, 0x23], [.rbx: closed], .pageFault(5, closed)),
    Case("mov from CR5", [0x0F, 0x20, 0xE8], [:], .trap(6)),
    Case("mov from CR0", [0x0F, 0x20, 0xC0], [:], .trap(13)),
    Case("mov from CR9", [0x44, 0x0F, 0x20, 0xC8], [:], .trap(6)),
    Case("an SS override is ignored", [0x36, 0xF6, 0x01, 1], [.rcx: wild], .trap(13)),
    Case("RBP is of the stack", [0xF6, 0x45, 0, 1], [.rbp: wild], .trap(12)),
    Case("FS override of RBP", [0x64, 0xF6, 0x45, 0, 1], [.rbp: wild], .trap(13)),
    Case("R13 is not of the stack", [0x41, 0xF6, 0x45, 0, 1], [.r13: wild], .trap(13)),
  ]

  private let machine: X86FuzzMachine

  init() throws { machine = try X86FuzzMachine(.long64, seed: 1, isPlain: true) }

  private func state(_ tried: Case) -> ProcessorState {
    var state = machine.base
    machine.enterRing3(&state)
    state[.rsp] = 0x20_8000
    state[.rflags] = 2
    for (register, value) in tried.registers { state[register] = value }
    return state
  }

  private func platform(_ tried: Case) throws -> Platform {
    let platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
    try platform.memory.write(machine.memory, at: 0)
    try platform.memory.write(tried.bytes + [0xF4], at: Int(machine.physicalCode))
    return platform
  }

  private func check(_ tried: Case, _ engine: some Engine) throws {
    let before = state(tried)
    let reason = try engine.run(RunLimits(instructions: 1), into: nil)
    let after = engine.state
    let memory = engine.platform.memory
    switch tried.expected {
    case .pageFault(let code, let address):
      #expect(machine.vector(after) == 14)
      #expect(memory.load(after[.rsp], width: 8) == code)
      #expect(after[.cr2] == address)
      #expect(memory.load(after[.rsp] + 8, width: 8) == machine.code)
    case .trap(let vector):
      #expect(machine.vector(after) == vector)
      for register in X86Register.allCases.prefix(16) where register != .rsp {
        #expect(after[register] == before[register], "\(register)")
      }
    case .completes(let registers, let words):
      #expect(reason == .limit && after[.rip] == machine.code + UInt64(tried.bytes.count))
      for (register, value) in registers { #expect(after[register] == value, "\(register)") }
      for (address, value) in words {
        #expect(
          memory.load(machine.physicalData + address - machine.data, width: 8) == value, "\(hex(address))")
      }
    }
  }

  @Test(arguments: changes + others) func onSimulatorAndEmulator(_ tried: Case) throws {
    let first = try platform(tried)
    try check(tried, Evaluator(instructionSet: X86InstructionSet(), platform: first, state: state(tried)))
    let second = try platform(tried)
    try check(tried, X86Interpreter(platform: second, state: state(tried)))
  }

  #if os(Linux) && arch(x86_64)
    @Test(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
    func onTheHardware() throws {
      let vote = try NativeVote(machine)
      var agreed = 0
      for tried in Self.changes + Self.others {
        let platform = try platform(tried)
        let simulator = Evaluator(
          instructionSet: X86InstructionSet(), platform: platform, state: state(tried))
        let reason = try simulator.run(RunLimits(instructions: 1), into: nil)
        let bytes = tried.bytes + [UInt8](repeating: 0xF4, count: 15 - tried.bytes.count)
        var shown = X86CaseGenerator(machine).make(index: 0, seed: 0)
        shown.bytes = bytes
        shown.state = state(tried)
        let verdict = try vote.vote(
          shown,
          NativeVote.Software(
            state: simulator.state, isPlainEnd: reason == .limit, memory: platform.memory,
            undefined: simulator.undefinedMasks))
        switch verdict {
        case .agreed: agreed += 1
        // The host's own ways, found by probes; the processor itself was asked elsewhere.
        case .excepted: break
        case .abstained, .differs: Issue.record("\(tried.name): \(verdict)")
        }
      }
      #expect(agreed > Self.changes.count)
    }
  #endif
}
