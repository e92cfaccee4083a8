import MachineCore
import Properties
import Testing
import X86Backend

/// What KVM holds beside the registers of every day goes in, comes out, or is refused.
@Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
struct X86HardwareStateTests {
  private static let limits = RunLimits(hostSeconds: 5)

  private func workload(_ mode: X86Mode, _ code: [UInt8]) -> Workload {
    let address = mode.defaultLoadAddress
    return Workload(
      name: "state",
      machine: .x86(
        X86Machine(
          mode: mode, entry: address, segments: [LoadSegment(address: address, bytes: code)],
          memorySize: X86Layout.minimumMemorySize)))
  }

  private func engine(_ mode: X86Mode, _ code: [UInt8] = [0xF4]) throws -> any Engine {
    try workload(mode, code).makeEngine(.virtualizer)
  }

  @Test(arguments: [0, 1, 2, 0] as [UInt64])
  func theInterruptShadowGoesInAndOut(_ shadow: UInt64) throws {
    let engine = try engine(.real16)
    for value in [shadow, 0, shadow] {
      engine.state[.rflags] = 0x202
      engine.state[.interruptShadow] = value
      #expect(engine.state[.interruptShadow] == value)
    }
  }

  @Test func theInterruptShadowEndsWithAnInstruction() throws {
    let engine = try engine(.real16, [0x90, 0xF4])
    engine.state[.interruptShadow] = 1
    guard case .idle = try engine.run(Self.limits, into: nil) else {
      Issue.record("the guest did not halt")
      return
    }
    #expect(engine.state[.interruptShadow] == 0)
  }

  @Test func modelSpecificRegistersAreTheProcessorsOwn() throws {
    let engine = try engine(.protected32)
    var state = engine.state
    state[.pat] = 0x0007_0106_0007_0406
    state[.mtrrDefault] = 0xC06
    state[.mtrrFix64K] = 0x0606_0606_0606_0606
    state[.mtrrBase7] = 0x8000_0006
    state[.mtrrMask7] = 0xFF_F000_0800
    state[.tscAux] = 0x55
    state[.apicBase] = 0xFEE0_0800
    engine.state = state
    let back = engine.state
    for register in X86Register.allCases where back[register] != state[register] {
      Issue.record("\(register): \(hex(state[register])) came back as \(hex(back[register]))")
    }
  }

  /// What the guest itself writes is seen, and as on the emulator.
  @Test func whatTheGuestWritesIsSeen() throws {
    // Write-combining in PAT entry 1; MTRRs on; no fast strings. EDX:EAX, ECX, WRMSR each.
    var code: [UInt8] = []
    for (number, low) in [(0x277, 0x0007_0106), (0x2FF, 0xC06), (0x1A0, 0), (0x1B, 0xFEE0_0100)]
      as [(UInt32, UInt32)]
    {
      func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
      code += [0xB9] + word(number) + [0xB8] + word(low) + [0xBA] + word(number == 0x277 ? 0x0007_0406 : 0)
      code += [0x0F, 0x30]
    }
    let workload = workload(.protected32, code + [0xF4])
    let registers: [X86Register] = [.pat, .mtrrDefault, .miscEnable, .apicBase]
    var seen: [[UInt64]] = []
    for kind in [EngineKind.emulator, .virtualizer] {
      let engine = try workload.makeEngine(kind)
      _ = try engine.run(Self.limits, into: nil)
      seen.append(registers.map { engine.state[$0] })
    }
    #expect(seen[0] == [0x0007_0406_0007_0106, 0xC06, 0, 0xFEE0_0100])
    #expect(seen[1] == seen[0])
  }

  @Test func whatKVMDoesNotKeepIsRefused() throws {
    let workload = workload(.protected32, [0xF4])
    func refusal(_ change: (inout MachineSnapshot) -> Void) throws -> String {
      var snapshot = try workload.snapshot(of: workload.makeEngine(.emulator))
      change(&snapshot)
      let engine = try workload.makeEngine(.virtualizer)
      do throws(SnapshotError) {
        try snapshot.install(into: engine)
        return "none"
      } catch {
        return error.description
      }
    }
    #expect(try refusal { _ in } == "none")
    #expect(try refusal { $0.processor.deliveries = 1 } == "none")
    #expect(try refusal { $0.processor[.timeOffset] = 5 }.contains("timeOffset"))
    #expect(try refusal { $0.processor[.pdpte1] = 0x1001 }.contains("pdpte1"))
    #expect(
      try refusal {
        $0.processor.deliveries = 1
        $0.processor[.rflags] |= 0x200
      }.contains("delivered"))
    #expect(try refusal { $0.processor.extended = [UInt8](repeating: 1, count: 5000) }.contains("5000 bytes"))
  }

  @Test func taskPriorityIsWhatTheGuestSees() throws {
    // MOV RAX, CR8; HLT.
    let engine = try engine(.long64, [0x44, 0x0F, 0x20, 0xC0, 0xF4])
    engine.state[.cr8] = 5
    _ = try engine.run(Self.limits, into: nil)
    #expect(engine.state[.rax] == 5)
    #expect(engine.state[.cr8] == 5)
  }

  /// The x87 and SSE registers travel through an engine that does not know them.
  @Test func extendedRegistersTravel() throws {
    // MOVDQU XMM1, [0x110000]; OUT 0x80, AL; MOVDQU [0x110010], XMM1; HLT.
    let code: [UInt8] =
      [0xF3, 0x0F, 0x6F, 0x0C, 0x25, 0, 0, 0x11, 0, 0xE6, 0x80]
      + [0xF3, 0x0F, 0x7F, 0x0C, 0x25, 0x10, 0, 0x11, 0, 0xF4]
    let workload = workload(.long64, code)
    let first = try workload.makeEngine(.virtualizer)
    #expect(first.state.extended == [])
    first.state[.cr4] |= 0x200
    let pattern = (1...16).map { UInt8($0 * 3) }
    try first.platform.memory.write(pattern, at: 0x11_0000)
    let handOff = HandOff(workload, limits: Self.limits)
    try #require(try handOff.run(first, to: .deviceAccess(1)) == nil)
    let bytes = first.state.extended
    // XMM1 lies at byte 176 of the area.
    #expect(Array(bytes.dropFirst(176).prefix(16)) == pattern)
    let snapshot = try workload.snapshot(of: first)
    #expect(try MachineSnapshot(decoding: snapshot.encoded) == snapshot)
    for kind in [EngineKind.emulator, .simulator] {
      let middle = try handOff.transfer(first, to: kind)
      #expect(middle.state.extended == bytes)
      let last = try handOff.transfer(middle, to: .virtualizer)
      guard case .idle = try last.run(Self.limits, into: nil) else {
        Issue.record("the guest did not halt")
        continue
      }
      #expect(try last.platform.memory.read(0x11_0010..<0x11_0020) == pattern)
      // Another machine's registers are no longer there.
      last.state.extended = []
      #expect(last.state.extended == [])
    }
  }
}
