public import MachineCore

/// What an exit costs here against the same loop in C.
public enum KVMExitBench {
  /// Nanoseconds for the same number of exits.
  public struct Result: Sendable, Equatable {
    /// Exits in a round.
    public var exits: Int
    /// Median over the rounds, this package's exit loop with its device dispatch.
    public var swiftNanoseconds: UInt64
    /// Median over the rounds, the loop in C that only looks at port and datum.
    public var cNanoseconds: UInt64
    /// How much dearer the package's loop is; 1 for equal.
    public var ratio: Double { Double(swiftNanoseconds) / Double(max(cNanoseconds, 1)) }
    /// Nanoseconds of one exit in the package's loop.
    public var nanosecondsPerExit: Double { Double(swiftNanoseconds) / Double(max(exits, 1)) }
  }

  /// Rounds of each kind, in turns.
  public static let rounds = 7
}

#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc

  extension KVMExitBench {
    private static let port: UInt64 = X86Layout.serialPort + 7

    /// Measures both loops on the same vCPU and guest, in turns, and takes medians.
    ///
    /// The guest writes the serial line's scratch register in a loop.
    /// - Parameter exits: exits in a round, at least 1.
    /// - Throws: ``EngineRefusal`` when KVM is not usable here.
    public static func run(exits: Int = 10_000) throws(EngineRefusal) -> Result {
      let exits = min(max(exits, 1), 10_000_000)
      let count = (0..<4).map { UInt8(truncatingIfNeeded: exits >> ($0 * 8)) }
      // MOV ECX, exits; MOV DX, port; again: OUT DX, AL; DEC ECX; JNZ again; HLT.
      let code: [UInt8] =
        [0x66, 0xB9] + count + [
          0xBA, UInt8(port & 0xFF), UInt8(port >> 8), 0xEE, 0x66, 0x49, 0x75, 0xFB, 0xF4,
        ]
      let probe: ProbeGuest
      do throws(KVMError) {
        probe = try ProbeGuest(.real16, code)
      } catch {
        throw EngineRefusal(error.description, remedy: error.remedy, isHostLack: true)
      }
      let start = probe.state
      var swift: [UInt64] = []
      var c: [UInt64] = []
      for _ in 0..<rounds {
        probe.guest.writeState(start)
        let time = Box()
        let reason = probe.guest.run(within: 60) { core throws(KVMError) in
          let begin = ckvm_now_ns()
          let reason = try core.runFreely(nil)
          time.value = ckvm_now_ns() &- begin
          return reason
        }
        guard case .idle = reason else { throw EngineRefusal("the benchmark's guest ended with `\(reason)`") }
        swift.append(time.value)
        probe.guest.writeState(start)
        c.append(probe.guest.perform(0) { core in core.runBenchLoop(UInt64(exits), UInt16(port)) })
      }
      guard let cMedian = median(c), cMedian > 0, let swiftMedian = median(swift) else {
        throw EngineRefusal("the benchmark's guest gave other exits than it should")
      }
      return Result(exits: exits, swiftNanoseconds: swiftMedian, cNanoseconds: cMedian)
    }

    private static func median(_ values: [UInt64]) -> UInt64? {
      values.contains(0) ? nil : values.sorted()[values.count / 2]
    }

    private final class Box {
      var value: UInt64 = 0
    }
  }

  extension KVMCore {
    /// The loop in C, on this vCPU; nanoseconds, 0 when something went wrong.
    func runBenchLoop(_ exits: UInt64, _ port: UInt16) -> UInt64 {
      ckvm_set_immediate_exit(page, 0)
      var sum: UInt64 = 0
      let time = ckvm_bench_loop(machine.vcpu.number, page, exits, port, &sum)
      isIncomplete = true
      return time
    }
  }
#else
  extension KVMExitBench {
    /// There is no KVM for x86 guests on this host.
    public static func run(exits: Int = 10_000) throws(EngineRefusal) -> Result {
      throw EngineRefusal(
        KVMError.foreignHost.description, remedy: KVMError.foreignHost.remedy, isHostLack: true)
    }
  }
#endif
