import Trace
import X86Backend

/// A log of another program that can be read as a trace.
protocol TraceImport: SendableMetatype {
  /// Name for `--from`.
  static var name: String { get }
  /// One line for help.
  static var summary: String { get }
  /// What its traces lack.
  static var omissions: Set<TraceOmission> { get }
  /// Registers whose changes it tells.
  static func registers(_ options: ImportOptions) -> [X86Register]

  /// An import of this log.
  init(_ log: ImportedLog, _ options: ImportOptions, to recorder: TraceRecorder)
  /// Reads until the log ends or enough instructions have retired.
  mutating func run() throws(TraceError) -> ImportSummary
}

/// What an import is to take.
struct ImportOptions {
  /// It begins with the first instruction at this address.
  var start: UInt64
  /// Instructions after which it ends.
  var limit = UInt64.max
  /// A log that ends inside a line or a state is read as far as it goes.
  var acceptsCut = false
  /// Registers that execlog was asked for.
  var registers: [X86Register] = []
}

/// What an import came to.
struct ImportSummary {
  var retired: UInt64
  /// Lines of the log that were read.
  var lines: Int
  /// What the user should know.
  var notes: [String]
  /// The registers before the first instruction; empty if the log has none.
  var initial: [UInt64] = []
}

/// All logs that can be read, by name.
enum TraceImports {
  static let all: [any TraceImport.Type] = [QEMULogImport.self, ExecLogImport.self]

  static var names: [String] { all.map { $0.name } }
}

/// What QEMU says between instructions, in every kind of its logs.
struct QEMUMessages {
  /// A device's interrupt that is about to be delivered.
  private var isInterrupt = false
  /// An exception that was raised and not yet delivered: in real mode QEMU says no more of it.
  private var raised: (vector: UInt32, line: Int)?
  /// A hardware interrupt that was announced.
  private var announced: (vector: UInt32, line: Int)?

  /// A delivery that was announced only, as in real mode, when the next instruction begins.
  mutating func takeSilent() -> LoggedDelivery? {
    defer {
      raised = nil
      announced = nil
    }
    if let announced {
      return LoggedDelivery(line: announced.line, vector: announced.vector, value: 0, isInterrupt: true)
    }
    return raised.map { LoggedDelivery(line: $0.line, vector: $0.vector, value: 0, isInterrupt: false) }
  }

  /// Looks at a line that is not of an instruction; gives the delivery that it tells of.
  ///
  /// `     0: v=0e e=0004 i=0 cpl=3 IP=0033:0000000000400123 pc=… SP=… CR2=…` is what there is in protected mode, for
  /// INT n too (`i=1`), which is no delivery here: the instruction completes.
  mutating func read(_ line: LogText, _ log: ImportedLog) throws(TraceError) -> (
    delivery: LoggedDelivery?, isEvent: Bool
  ) {
    var line = line
    if line.accept("Servicing hardware INT=") {
      guard let vector = line.hex(), vector < 256 else {
        throw log.failure("a hardware interrupt without its vector")
      }
      announced = (UInt32(vector), log.number)
      return (nil, true)
    }
    if line.accept("check_exception old: ") {
      guard line.hex() != nil, line.accept(" new "), let vector = line.hex(), vector < 256 else {
        throw log.failure("`check_exception` without its two vectors")
      }
      raised = (UInt32(vector), log.number)
      return (nil, true)
    }
    line.skipSpaces()
    guard line.decimal() != nil, line.accept(": v=") else { return (nil, false) }
    guard let vector = line.hex(), vector < 256 else {
      throw log.failure("`v=` without an exception's vector")
    }
    var delivery = LoggedDelivery(line: log.number, vector: UInt32(vector), value: 0, isInterrupt: false)
    var isSoftware = false
    while true {
      let name = line.name()
      switch name {
      case Self.names.code: delivery.value = try number(&line, log)
      case Self.names.software: isSoftware = try number(&line, log) != 0
      case Self.names.level: delivery.mode = UInt8(truncatingIfNeeded: try number(&line, log) & 3)
      case Self.names.address where vector == 14: delivery.value = try number(&line, log)
      case Self.names.pointer:
        guard line.hex() != nil, line.accept(":"), let address = line.hex() else {
          throw log.failure("`IP=` without SELECTOR:ADDRESS")
        }
        delivery.pc = address
      case 0:
        guard delivery.pc != nil, delivery.mode != nil else {
          throw log.failure("an exception without `cpl=` or `IP=`")
        }
        delivery.isInterrupt = announced.map { $0.vector == delivery.vector } ?? false
        raised = nil
        announced = nil
        return (isSoftware ? nil : delivery, true)
      default: break
      }
    }
  }

  private func number(_ line: inout LogText, _ log: ImportedLog) throws(TraceError) -> UInt64 {
    guard let value = line.hex() else {
      throw log.failure("a name without a number in hexadecimal behind it")
    }
    return value
  }

  private static let names = (
    code: packedName("e"), software: packedName("i"), level: packedName("cpl"), address: packedName("CR2"),
    pointer: packedName("IP")
  )
}
