public import MachineCore

/// A guest program that comes with the package.
public struct ToyProgram: Sendable {
  /// What a program is for.
  public enum Category: String, Sendable, CaseIterable {
    /// Shows a part of the machine.
    case basic
    /// Computes; its size can be set, to measure engines with it.
    case benchmark
    /// An operating system.
    case os
    /// A supervisor that attacks what is beneath it.
    case hostile
    /// Shows the flaw of an instruction set variant.
    case probe
    /// Carries one operation of the processor out, over and over.
    case nano
  }

  /// How a program ends.
  public enum Ending: Sendable, Equatable {
    /// It switches the machine off with this status.
    case powerOff(status: UInt64)
    /// It waits for an interrupt that can never come.
    case idle
    /// It never ends by itself: the instruction limit ends it.
    case limit
    /// A trap with this cause, see ``ToyCause``, cannot be delivered.
    case checkStop(cause: UInt32)

    /// Whether a run that stopped for this reason ended so.
    public func matches(_ reason: StopReason) -> Bool {
      switch (self, reason) {
      case (.powerOff(let status), .powerOff(let got)): status == got
      case (.idle, .idle), (.limit, .limit): true
      case (.checkStop(let cause), .checkStop(let got, _)): cause == got
      default: false
      }
    }
  }

  /// Name on the command line.
  public var name: String
  /// What it does, in a line.
  public var title: String
  /// What it is for.
  public var category: Category
  /// The whole assembly source.
  public var source: String
  /// Name of the source for messages.
  public var file: String
  /// Symbols that are defined for the assembler.
  public var defines: [String: Int64]
  /// Definitions that make it long enough to measure: 100 to 300 million instructions.
  public var benchDefines: [String: Int64]?
  /// The machine it runs on.
  public var machine: ToyMachine
  /// What it writes to the console with ``defines`` on the classic variant.
  public var expectedConsole: String?
  /// How it ends.
  public var ending: Ending
  /// Instructions that suffice for a run to its end; for ``Ending/limit``, how many make a good run.
  public var instructionLimit: UInt64
  /// The variant whose flaw it shows.
  public var witnesses: ToyVariant?

  init(
    _ name: String, _ title: String, _ category: Category, _ text: [UInt8],
    defines: [String: Int64] = [:], bench: [String: Int64]? = nil, machine: ToyMachine = ToyMachine(),
    console: String?, ending: Ending = .powerOff(status: 0), limit: UInt64 = 3_000_000,
    witnesses: ToyVariant? = nil, file: String? = nil
  ) {
    self.name = name
    self.title = title
    self.category = category
    self.file = file ?? "\(name).asm"
    source = Self.withIncludes(String(decoding: text, as: UTF8.self))
    self.defines = defines
    benchDefines = bench
    self.machine = machine
    expectedConsole = console
    self.ending = ending
    instructionLimit = limit
    self.witnesses = witnesses
  }

  /// The program, assembled.
  ///
  /// - Parameter defines: take the place of definitions in ``defines`` with the same name.
  /// - Throws: ``AssemblyFailure`` when definitions do not fit the program.
  public func assemble(with defines: [String: Int64] = [:]) throws(AssemblyFailure) -> ToyImage {
    try ToyAssembler.assemble(
      source, file: file, defines: self.defines.merging(defines) { $1 })
  }

  /// Sources that others include.
  private static let included: [(line: String, text: [UInt8])] = [
    (".include \"library.asm\"", PackageResources.library_asm),
    (".include \"catch.asm\"", PackageResources.catch_asm),
    (".include \"minos-process.asm\"", PackageResources.minos_process_asm),
    (".include \"minos-user.asm\"", PackageResources.minos_user_asm),
  ]

  /// The source with what it includes in the place of the including lines, so that it stands alone.
  private static func withIncludes(_ source: String) -> String {
    source.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      included.first { line.hasSuffix($0.line) }.map { String(decoding: $0.text, as: UTF8.self) }
        ?? String(line)
    }.joined(separator: "\n")
  }

  /// Whether the program must run the same on bare hardware and under a trap-and-emulate VMM.
  ///
  /// That is so for all programs on the variants that keep Theorem 1; on the others a VMM promises nothing.
  public func claimsEquivalence(on variant: ToyVariant) -> Bool { variant.claimsTheorem1 }
}
