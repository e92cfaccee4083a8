import MachineCore
import Testing
import X86Backend

#if os(Linux) && arch(x86_64)
  import Foundation

  /// Machines that are gone leave nothing behind.
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMLifeTests {
    /// How many machines; many more by hand, with TRIAD_MACHINES set, and then memory is looked at, too.
    private static let asked = ProcessInfo.processInfo.environment["TRIAD_MACHINES"].flatMap { Int($0) }
    private static let count = max(10, asked ?? 100)

    private static func entries(_ folder: String) -> Int {
      (try? FileManager.default.contentsOfDirectory(atPath: folder).count) ?? 0
    }

    /// Kibibytes of storage that the process has behind its addresses.
    private static func resident() throws -> Int {
      let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
      return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }

    private static func runOne() throws {
      var machine = try X86Loader.load([0xE6, 0x80, 0xF4], mode: .real16, memorySize: 2 << 20)
      machine.pc = PCParts()
      let engine = try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet())
      try engine.runFreely()
      try engine.logWrites()
      guard case .idle = try engine.run(KVMEngineTests.quick, into: nil) else {
        Issue.record("the guest did not halt")
        return
      }
    }

    @Test func machinesLeaveNothingBehind() throws {
      for _ in 0..<5 { try Self.runOne() }
      let before = (Self.entries("/proc/self/fd"), Self.entries("/proc/self/task"), try Self.resident())
      for _ in 0..<Self.count { try Self.runOne() }
      // Other tests run beside this one; what every machine left behind would be as many as the machines.
      #expect(Self.entries("/proc/self/fd") < before.0 + Self.count / 2)
      #expect(Self.entries("/proc/self/task") < before.1 + Self.count / 2)
      if Self.asked != nil {
        let growth = try Self.resident() - before.2
        print("\(Self.count) machines: \(growth) KiB more resident")
        #expect(growth < 4096 + Self.count)
      }
    }
  }
#endif
