internal import MachineCore

/// Source text to an image.
public enum ToyAssembler {
  /// How many errors are shown in full; the rest is counted.
  public static let diagnosticLimit = 50

  /// How large a program may become, so that a short source cannot keep the assembler busy for long.
  public struct Limits: Sendable {
    /// Lines read, with those of macros and repetitions.
    public var lines: Int
    /// Bytes of all sections that are not `.bss`.
    public var bytes: Int

    /// Limits that no honest program reaches, unless told.
    public init(lines: Int = 2_000_000, bytes: Int = 16 << 20) {
      self.lines = lines
      self.bytes = bytes
    }
  }

  /// What assembling gave.
  public struct Result: Sendable {
    /// The program.
    public var image: ToyImage
    /// Warnings in source order.
    public var warnings: [Diagnostic]
  }

  /// Assembles a program.
  ///
  /// - Parameters:
  ///   - source: the text.
  ///   - file: its name for messages and the line table.
  ///   - defines: constants, as if made by `.set` before the first line.
  ///   - start: address of `.text`.
  ///   - include: gives the text of a file that `.include` names, or `nil`.
  /// - Throws: ``AssemblyFailure`` with everything that is wrong.
  public static func assemble(
    _ source: String, file: String = "<input>", defines: [String: Int64] = [:],
    start: UInt32 = UInt32(TrapArea.programStart), include: ((String) -> String?)? = nil
  ) throws(AssemblyFailure) -> ToyImage {
    try run(source, file: file, defines: defines, start: start, include: include).image
  }

  /// Assembles a program and keeps the warnings; see ``assemble(_:file:defines:start:include:)``.
  public static func run(
    _ source: String, file: String = "<input>", defines: [String: Int64] = [:],
    start: UInt32 = UInt32(TrapArea.programStart), include: ((String) -> String?)? = nil
  ) throws(AssemblyFailure) -> Result {
    try run(
      bytes: Array(source.utf8), file: file, defines: defines, start: start,
      include: include.map { include in { name in include(name).map { Array($0.utf8) } } })
  }

  /// Assembles the bytes of a file, which may turn out to be no text; see
  /// ``assemble(_:file:defines:start:include:)``.
  public static func run(
    bytes: [UInt8], file: String = "<input>", defines: [String: Int64] = [:],
    start: UInt32 = UInt32(TrapArea.programStart), limits: Limits = Limits(),
    include: ((String) -> [UInt8]?)? = nil
  ) throws(AssemblyFailure) -> Result {
    let run = AssemblyRun(start: start & ~3, defines: defines, limits: limits, include: include)
    do {
      try run.push(source: SourceText(name: file, bytes: bytes), from: nil)
      run.readAll()
    } catch {}
    run.layOut()
    run.applyFixups()
    run.checkContent()
    let shown = run.diagnostics.enumerated().sorted { a, b in
      (a.element.range.line, a.element.range.column, a.offset)
        < (b.element.range.line, b.element.range.column, b.offset)
    }.map(\.element)
    guard run.errorCount == 0 else {
      throw AssemblyFailure(
        diagnostics: shown, suppressed: max(0, run.errorCount - diagnosticLimit))
    }
    return Result(image: run.makeImage(), warnings: shown)
  }
}

/// The built-in include file: names for ports, causes, PSW and page-table bits, from the tables.
public enum ToyConstants {
  /// Name for `.include`.
  public static let fileName = "toy.inc"

  /// Names and values.
  public static let all: [(name: String, value: UInt64)] =
    [
      ("CONSOLE_DATA", ToyPort.consoleData), ("CONSOLE_STATUS", ToyPort.consoleStatus),
      ("TIMER", ToyPort.timer), ("TIME_LOW", ToyPort.timeLow), ("TIME_HIGH", ToyPort.timeHigh),
      ("DISK_SECTOR", ToyPort.diskSector), ("DISK_ADDRESS", ToyPort.diskAddress),
      ("DISK_COMMAND", ToyPort.diskCommand), ("DISK_STATUS", ToyPort.diskStatus),
      ("DISK_SECTORS", ToyPort.diskSectors), ("POWER", ToyPort.power),
      ("TRAP_OLD", TrapArea.oldPSW), ("TRAP_CAUSE", TrapArea.cause), ("TRAP_VALUE", TrapArea.value),
      ("TRAP_NEW", TrapArea.newPSW), ("PSW_USER", 1), ("PSW_IE", 2), ("PSW_PAGING", 4),
      ("PTE_VALID", PageEntry.valid), ("PTE_READ", PageEntry.read), ("PTE_WRITE", PageEntry.write),
      ("PTE_EXECUTE", PageEntry.execute), ("PTE_USER", PageEntry.user),
      ("PTE_ACCESSED", PageEntry.accessed), ("PTE_DIRTY", PageEntry.dirty),
    ]
    + ToyCause.allCases.map { cause in
      let name = cause.name.uppercased().map { $0 == "-" ? "_" : String($0) }.joined()
      return ("CAUSE_" + name, UInt64(cause.rawValue))
    }

  /// The file's text.
  public static let source: String = all.map { ".equ \($0.name), \($0.value)\n" }.joined()
}
