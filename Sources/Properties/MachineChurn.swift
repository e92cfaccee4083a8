public import MachineCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Whether machines that are made, run and let go leave anything behind in this process.
public struct MachineChurn: Sendable {
  /// What this process holds.
  public struct Holdings: Sendable {
    /// Open file descriptors.
    public var descriptors: Int
    /// Resident bytes; on hosts that only tell the peak, that.
    public var resident: Int

    /// What it holds now.
    public static var now: Holdings {
      let most = min(Int(sysconf(Int32(_SC_OPEN_MAX))), 1 << 16)
      // SAFETY: F_GETFD only asks, and fails for numbers that are no descriptor.
      let open = (0..<Int32(max(most, 256))).count { fcntl($0, F_GETFD) != -1 }
      return Holdings(descriptors: open, resident: residentBytes)
    }

    private static var residentBytes: Int {
      #if os(Linux)
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 128)
        // SAFETY: fgets writes at most the count that it is given, and a zero behind.
        guard fgets(&text, Int32(text.count), file) != nil else { return 0 }
        let words = text.prefix { $0 != 0 }.split(separator: 32)
        guard words.count > 1, let pages = Int(String(decoding: words[1].map(UInt8.init), as: UTF8.self))
        else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
      #else
        var usage = rusage()
        getrusage(RUSAGE_SELF, &usage)
        return Int(usage.ru_maxrss)
      #endif
    }
  }

  /// The program's name and the engine.
  public var program: String
  public var kind: EngineKind
  /// Machines that were made between the two looks.
  public var machines: Int
  /// Before and after.
  public var before: Holdings
  public var after: Holdings
  /// Wall-clock seconds.
  public var seconds: Double

  /// What the host's allocators may keep of their own, in bytes.
  public static let slack = 8 << 20
  /// Bytes that a machine may seem to leave, for growth of the allocator's own: nothing that is made with a
  /// machine is as small.
  public static let perMachine = 512

  /// Nothing was left behind.
  public var isClean: Bool {
    after.descriptors <= before.descriptors
      && after.resident - before.resident <= Self.slack + Self.perMachine * machines
  }

  /// Makes machines one after the other, lets each run a little, and lets it go.
  ///
  /// - Parameter progress: called with the number of machines so far.
  /// - Throws: what making a machine throws, such as ``EngineRefusal`` where there is no KVM.
  public static func run(
    _ workload: Workload, on kind: EngineKind, machines: Int, progress: (Int) -> Void = { _ in }
  ) throws -> MachineChurn {
    // Tables that are made once for the process, and the allocator's pools.
    for _ in 0..<min(machines, 20) { try make(workload, kind) }
    settle()
    let before = Holdings.now
    let start = ContinuousClock.now
    for number in 0..<machines {
      try make(workload, kind)
      if number & 63 == 63 { progress(number + 1) }
    }
    let elapsed = start.duration(to: .now).components
    var after = settle()
    // A vCPU's thread ends a moment after its machine.
    for _ in 0..<40 where after.descriptors > before.descriptors { after = settle() }
    return MachineChurn(
      program: workload.name, kind: kind, machines: machines, before: before, after: after,
      seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
  }

  @discardableResult private static func settle() -> Holdings {
    usleep(50_000)
    return .now
  }

  private static func make(_ workload: Workload, _ kind: EngineKind) throws {
    let engine = try workload.makeEngine(kind)
    _ = try engine.run(RunLimits(instructions: 200, hostSeconds: 10), into: nil)
  }
}
