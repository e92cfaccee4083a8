import MachineCore
import Properties
import Testing
import ToyISA
import X86Backend

/// What the seven nanobenchmarks cost, by exact counts.
@Suite struct NanoBenchTests {
  private static let count = 40
  private static let software: [EngineKind] = [.simulator, .emulator]

  private static func counts(_ operation: X86NanoOperation, _ isa: String, _ kind: EngineKind) throws
    -> NanoBench.Counts
  {
    try NanoBench.counts(operation, isa: isa, on: kind, count: count).counts
  }

  /// Instructions of one operation with its loop.
  private static let toyInstructions: [X86NanoOperation: Int] = [
    .syscall: 10, .in: 4, .cr8wr: 4, .callret: 5, .pgfault: 10, .divzero: 10, .ptemod: 8,
  ]
  private static let x86Instructions: [X86NanoOperation: Int] = [
    .syscall: 15, .in: 4, .cr8wr: 6, .callret: 5, .pgfault: 8, .divzero: 7, .ptemod: 9,
  ]

  @Test(arguments: X86NanoOperation.allCases, software)
  func `a toy operation traps once, or not at all`(_ operation: X86NanoOperation, _ kind: EngineKind) throws {
    var expected = NanoBench.Counts()
    let cause: String? =
      switch operation {
      case .syscall: "svc"
      case .pgfault: "page-read"
      case .divzero: "divide"
      default: nil
      }
    expected.traps = cause.map { [$0: Self.count] } ?? [:]
    expected.accesses = operation == .in ? Self.count : 0
    expected.instructions = try Self.count * #require(Self.toyInstructions[operation])
    #expect(try Self.counts(operation, "toy", kind) == expected)
  }

  /// What the machine monitor carries out is what the guest asked for in supervisor mode, and every trap.
  @Test(arguments: X86NanoOperation.allCases)
  func `the toy monitor's exits`(_ operation: X86NanoOperation) throws {
    let bare = try Self.counts(operation, "toy", .emulator)
    let monitor = try Self.counts(operation, "toy", .virtualizer)
    #expect(monitor.traps == bare.traps)
    #expect(monitor.accesses == bare.accesses)
    #expect(monitor.instructions == bare.instructions)
    let exits = monitor.exits.values.reduce(0, +)
    let expected =
      switch operation {
      case .callret: 0
      case .in, .cr8wr: 1
      // The trap itself, and the handler's `lpsw`.
      case .syscall, .pgfault, .divzero: 2
      // The store into the table, the flush, and the fills of what was flushed.
      case .ptemod: 4
      }
    #expect(exits == expected * Self.count, "\(monitor.exits)")
  }

  @Test(arguments: X86NanoOperation.allCases, software)
  func `an x86 operation traps once, or not at all`(_ operation: X86NanoOperation, _ kind: EngineKind) throws
  {
    var expected = NanoBench.Counts()
    let cause: Int? =
      switch operation {
      case .pgfault: 14
      case .divzero: 0
      default: nil
      }
    let causes = X86InstructionSet().causes
    expected.traps = cause.map { [causes[$0]: Self.count] } ?? [:]
    expected.accesses = operation == .in ? Self.count : 0
    expected.instructions = try Self.count * #require(Self.x86Instructions[operation])
    #expect(try Self.counts(operation, "x86", kind) == expected)
  }

  #if os(Linux) && arch(x86_64)
    @Test(
      .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"),
      arguments: X86NanoOperation.allCases)
    func `only port input leaves KVM`(_ operation: X86NanoOperation) throws {
      let exits = try Self.counts(operation, "x86", .virtualizer).exits
      #expect(exits["IO"] ?? 0 == (operation == .in ? Self.count : 0))
      // A processor without a virtual task priority tells of each that was lowered.
      for reason in exits.keys where reason != "IO" { #expect(operation == .cr8wr && reason == "SET_TPR") }
    }
  #endif

  @Test func `the programs print how many they did`() throws {
    for workload in X86Workload.nano {
      let engine = try Workload(name: workload.name, machine: .x86(workload.machine())).makeEngine(.emulator)
      #expect(
        try engine.run(RunLimits(), into: nil) == .powerOff(status: workload.expectedStatus))
      #expect(String(decoding: engine.platform.console, as: UTF8.self) == workload.expectedConsole)
    }
  }
}
