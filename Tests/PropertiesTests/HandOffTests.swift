import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// A run that is handed on ends as one that is not.
@Suite struct HandOffTests {
  private static let pairs = EngineKind.allCases.flatMap { first in
    EngineKind.allCases.filter { $0 != first }.map { (first, $0) }
  }
  private static let limits = RunLimits(instructions: 3_000_000)

  private func toy(_ name: String) throws -> Workload {
    let program = try #require(ToyPrograms.named(name))
    let image = try ToyAssembler.run(
      bytes: Array(program.source.utf8), file: program.file, defines: program.defines, include: { _ in nil }
    ).image
    return Workload(name: name, machine: .toy(image, program.machine, .classic))
  }

  private func x86(_ name: String) throws -> Workload {
    Workload(name: name, machine: .x86(try #require(X86Workload.named(name)).machine()))
  }

  /// What a guest leaves behind.
  private struct End: Equatable {
    var stop: StopReason
    var memory: UInt64
    var console: [UInt8]
    var registers: [UInt64]
    var retired: UInt64?

    init(_ engine: any Engine, _ stop: StopReason, counts: Bool) {
      self.stop = stop
      memory = engine.platform.memory.digest
      console = engine.platform.console
      registers = engine.state.registers
      retired = counts ? engine.platform.retired : nil
    }
  }

  @Test(arguments: pairs, ["minos", "minos-paging"])
  func toyRunsEndAlike(_ pair: (EngineKind, EngineKind), _ name: String) throws {
    let workload = try toy(name)
    let whole = try workload.makeEngine(.simulator)
    let expected = End(whole, try whole.run(Self.limits, into: nil), counts: true)
    let handOff = HandOff(workload, limits: Self.limits)
    // Places all over the run; some fall on a trap, some in the middle of a disk transfer.
    for count: UInt64 in [777, 20_011, (expected.retired ?? 3) - 3] {
      let first = try workload.makeEngine(pair.0)
      try #require(try handOff.run(first, to: .instructions(count)) == nil, "\(count)")
      let second = try handOff.transfer(first, to: pair.1)
      let stop = try second.run(Self.limits, into: nil)
      #expect(End(second, stop, counts: true) == expected, "\(pair.0) to \(pair.1) at \(count)")
    }
  }

  @Test(arguments: [HandOffPoint.delivery(.trap, 3), .delivery(.interrupt, 2), .deviceAccess(5)])
  func toyRunsStopAtEvents(_ point: HandOffPoint) throws {
    let workload = try toy("minos")
    let whole = try workload.makeEngine(.emulator)
    let expected = End(whole, try whole.run(Self.limits, into: nil), counts: true)
    let handOff = HandOff(workload, limits: Self.limits)
    var places: Set<UInt64> = []
    for pair in Self.pairs {
      let first = try workload.makeEngine(pair.0)
      try #require(try handOff.run(first, to: point) == nil)
      places.insert(first.platform.retired)
      let second = try handOff.transfer(first, to: pair.1)
      #expect(End(second, try second.run(Self.limits, into: nil), counts: true) == expected)
    }
    #expect(places.count == 1, "every engine stops at the same place")
  }

  private static let softwarePairs = pairs.filter { $0.0 != .virtualizer && $0.1 != .virtualizer }
  private static let hardwarePairs = pairs.filter { $0.0 == .virtualizer || $0.1 == .virtualizer }

  @Test(arguments: softwarePairs, ["real16", "protected32", "long64"])
  func x86RunsEndAlike(_ pair: (EngineKind, EngineKind), _ name: String) throws {
    try handOn(pair, name)
  }

  @Test(
    .enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"), arguments: hardwarePairs,
    ["real16", "protected32", "long64"])
  func x86RunsEndAlikeWithKVM(_ pair: (EngineKind, EngineKind), _ name: String) throws {
    try handOn(pair, name)
  }

  private func handOn(_ pair: (EngineKind, EngineKind), _ name: String) throws {
    let workload = try x86(name)
    let whole = try workload.makeEngine(pair.1)
    let expected = End(whole, try whole.run(Self.limits, into: nil), counts: false)
    let handOff = HandOff(workload, limits: Self.limits)
    for count: UInt64 in [1, 4, 9] {
      let first = try workload.makeEngine(pair.0)
      try #require(try handOff.run(first, to: .deviceAccess(count)) == nil)
      let second = try handOff.transfer(first, to: pair.1)
      let stop = try second.run(Self.limits, into: nil)
      #expect(End(second, stop, counts: false) == expected, "\(pair.0) to \(pair.1) at access \(count)")
    }
  }

  @Test func depthsTakeEachOthersSnapshots() throws {
    let workload = try toy("minos")
    let whole = try workload.makeEngine(.emulator)
    let expected = End(whole, try whole.run(Self.limits, into: nil), counts: true)
    let handOff = HandOff(workload, depth: 2, limits: Self.limits)
    let first = try workload.makeEngine(.virtualizer, depth: 1)
    try #require(try handOff.run(first, to: .instructions(12_345)) == nil)
    let second = try handOff.transfer(first, to: .virtualizer)
    #expect(second.flavour.contains("2"))
    #expect(End(second, try second.run(Self.limits, into: nil), counts: true) == expected)
  }
}
