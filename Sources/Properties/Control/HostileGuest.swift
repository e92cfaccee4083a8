public import MachineCore
public import ToyISA
internal import X86Backend

/// A guest that tries to get at what is not its own.
public struct HostileGuest: Sendable {
  /// Short name.
  public var name: String
  /// What it tries.
  public var attack: String
  /// The machine and program.
  public var workload: Workload
  /// How it ends, where every engine must end it alike; `nil` where they may differ.
  public var end: End?

  /// How a hostile guest ends.
  public enum End: Sendable {
    /// By a bound of the run: instructions, or time where they are not counted.
    case limit
    /// It waits for ever.
    case idle
    /// The processor shuts down.
    case checkStop

    /// Whether a run ended so.
    public func matches(_ reason: StopReason) -> Bool {
      switch (self, reason) {
      case (.limit, .limit), (.limit, .hostTimeLimit), (.idle, .idle), (.checkStop, .checkStop): true
      default: false
      }
    }
  }

  /// All of them, toy ones first.
  ///
  /// - Throws: ``AssemblyFailure``, loader errors: a program of the package is wrong.
  public static func all() throws -> [HostileGuest] { try toy() + x86() }

  /// The toy programs of the package that attack, and those of the suite.
  public static func toy(_ variant: ToyVariant = .classic) throws -> [HostileGuest] {
    try ToyPrograms.all.filter { $0.category == .hostile }.map { program in
      HostileGuest(
        name: program.name, attack: program.title,
        workload: Workload(
          name: program.name, machine: .toy(try program.assemble(), program.machine, variant),
          instructionLimit: min(program.instructionLimit, 300_000)))
    }
      + ToyAttack.all.map { attack in
        HostileGuest(
          name: attack.name, attack: attack.title,
          workload: Workload(
            name: attack.name,
            machine: .toy(
              try ToyAssembler.assemble(ToyAttack.prelude + attack.source, file: "\(attack.name).asm"),
              ToyMachine(memorySize: 1 << 17), variant), instructionLimit: 200_000))
      }
  }

  /// The x86 guests of the suite.
  public static func x86() throws -> [HostileGuest] {
    try X86Attack.all.map { attack in
      var machine = try X86Loader.load(
        attack.code, mode: attack.mode, memorySize: X86Layout.minimumMemorySize)
      machine.pc = attack.pc
      return HostileGuest(
        name: attack.name, attack: attack.title,
        workload: Workload(name: attack.name, machine: .x86(machine), instructionLimit: 200_000),
        end: attack.end)
    }
  }
}

/// What became of a hostile guest on an engine.
public struct Containment: Sendable {
  /// The engine, with its flavour.
  public var engine: String
  /// The guest.
  public var guest: String
  /// Its attack.
  public var attack: String
  /// The report; `nil` when there was no such engine.
  public var report: ControlCheck.Report?
  /// Why there is no report.
  public var lack: String?
  /// Contained: nothing outside of the map was affected, and the run came to an end.
  public var isContained: Bool { report.map { !$0.verdict.isFailure } ?? false }

  /// Lets a guest attack an engine.
  public init(_ guest: HostileGuest, on name: String, seconds: Double, _ make: () throws -> any Engine) throws
  {
    engine = name
    self.guest = guest.name
    attack = guest.attack
    do {
      report = try ControlCheck.run(
        limits: RunLimits(instructions: guest.workload.instructionLimit, hostSeconds: seconds), make)
    } catch let refusal as EngineRefusal {
      lack = refusal.reason
    }
  }
}
