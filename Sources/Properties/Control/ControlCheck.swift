public import MachineCore
internal import ToyISA
internal import Virtualizer

/// Resource control: the guest affects nothing that it was not given.
public enum ControlCheck {
  /// What a run under watch gave.
  public struct Report: Sendable {
    /// The verdict.
    public var verdict: Verdict
    /// What the guest was given, a line for each resource.
    public var map: [String]
    /// Why the run ended.
    public var stop: StopReason
    /// Guest instructions, where they are counted.
    public var retired: UInt64
    /// The longest stretch of instructions for which the guest had the processor; 0 where it is not counted.
    public var longestStretch: UInt64
    /// Accesses to ports and addresses that are not in the map: none of them reached anything.
    public var refused: UInt64
    /// What was looked at, a sentence each.
    public var evidence: [String]
  }

  /// The verdict on an engine after a run, from what the engine itself watched.
  ///
  /// The toy VMM looks at every entry whether the hardware is in user mode with a relocation inside
  /// the guest's region, and at canaries around it; storage of every guest lies between inaccessible pages.
  /// The KVM engine looks after every run at the memory that KVM was given, at the pages around it, at the
  /// kinds of exits, and at whether the guest gave the processor back.
  public static func verdict(_ engine: any Engine) -> Verdict {
    guard engine.capabilities.claimsControl else {
      return .notApplicable("interprets every instruction: the guest never has the processor")
    }
    let violations = engine.statistics.controlViolations
    return violations.isEmpty ? .pass : .fail(violations.joined(separator: "; "))
  }

  /// Runs a fresh machine to a limit with canaries around it in this process.
  ///
  /// - Throws: what `make` throws, and ``EngineRefusal``.
  public static func run(limits: RunLimits, _ make: () throws -> any Engine) throws -> Report {
    let canaries = HostCanaries()
    let engine = try make()
    canaries.plant()
    let stop = try engine.run(limits, into: nil)
    var violations = engine.statistics.controlViolations
    violations += [canaries.damage, HostCanaries.brokenGuards(of: engine)].compactMap(\.self)
    let counts = engine.capabilities.countsInstructions
    if counts, engine.platform.retired > limits.instructions {
      violations.append(
        "\(engine.platform.retired) instructions retired, \(limits.instructions) were allowed")
    }
    var verdict = violations.isEmpty ? Verdict.pass : .fail(violations.joined(separator: "; "))
    if violations.isEmpty, !engine.capabilities.claimsControl { verdict = Self.verdict(engine) }
    return Report(
      verdict: verdict, map: map(engine), stop: stop, retired: counts ? engine.platform.retired : 0,
      longestStretch: engine.statistics.longestStretch, refused: engine.platform.unclaimed,
      evidence: evidence(engine, stop))
  }

  /// What a guest on this engine was given.
  public static func map(_ engine: any Engine) -> [String] {
    let platform = engine.platform
    var lines: [String] = []
    func range(_ range: Range<Int>) -> String {
      "\(hex(UInt64(range.lowerBound)))..<\(hex(UInt64(range.upperBound)))"
    }
    lines.append("storage: \(platform.memory.size) bytes, guest-physical \(range(0..<platform.memory.size))")
    var monitor = engine as? VirtualMachineMonitor
    while let current = monitor {
      let map = ResourceMap(guestSize: current.platform.memory.size)
      lines.append(
        "  depth \(current.depth): at \(range(map.guest)) of the hardware's storage, guard pages on both sides, shadow tables at \(range(map.shadow))"
      )
      monitor = current.hardware as? VirtualMachineMonitor
    }
    for rom in platform.roms { lines.append("read-only memory: `\(rom.name)` at \(hex(rom.address))") }
    for (device, space, place) in platform.inventory {
      lines.append(
        "device: `\(device.name)` at \(space == .port ? "ports" : "addresses") \(hex(place.lowerBound))..<\(hex(place.upperBound))"
      )
    }
    if engine is VirtualMachineMonitor {
      lines.append(
        "time: at most \(VirtualMachineMonitor.quantum) instructions, then the VMM has the processor again")
    } else if engine.capabilities.claimsControl {
      lines.append("time: until the VMM's signal; it must be answered within a bounded count of them")
    } else {
      lines.append("time: none, every instruction is interpreted")
    }
    return lines
  }

  private static func evidence(_ engine: any Engine, _ stop: StopReason) -> [String] {
    var lines = [
      "the run ended: \(stop)",
      "canaries in the host process and the inaccessible pages around the storage were looked at",
    ]
    if engine is VirtualMachineMonitor {
      lines.append(
        "the real PSW was looked at by every entry, the guard words by every exit, the shadow tables at the end"
      )
      lines.append("longest stretch without the VMM: \(engine.statistics.longestStretch) instructions")
    }
    lines.append(
      "accesses to ports and addresses outside the map: \(engine.platform.unclaimed), none reached a device")
    return lines
  }
}
