import Emulator
import Properties
import X86Backend

/// Speeds on one x86 computation, as `triad bench` shows them.
struct X86Bench: Encodable {
  var program: String
  var instructions: UInt64
  var emulatorMIPS: Double
  var emulatorSeconds: Double
  /// The 32-bit build under 4 KiB pages.
  var paged32MIPS: Double
  /// Rounds that were compared, and their time under KVM, without the start of the machine.
  var kvmRounds: UInt32?
  var kvmSeconds: Double?
  /// A run of one round under KVM: what starting costs.
  var kvmStartSeconds: Double?
  /// The same rounds of the same machine code, called as a function by this process.
  var nativeSeconds: Double?
  /// Median ratio of the times taken in pairs, and all of them.
  var kvmTimesNative: Double?
  var kvmRatios: [Double]

  /// The computations whose geometric mean is the emulator's measure.
  private static let measure: Set<String> = Set(
    [X86Computation.sieve, .crc, .matrix, .sort].map { $0.name(.long64) })

  init(_ result: X86SpeedBench.Result) {
    program = result.computation.name(.long64)
    instructions = result.instructions
    emulatorMIPS = result.emulatorMIPS
    emulatorSeconds = result.emulatorSeconds
    paged32MIPS = result.pagedMIPS
    kvmRounds = result.direct?.rounds
    kvmSeconds = result.direct?.kvmSeconds
    kvmStartSeconds = result.direct?.kvmStartSeconds
    nativeSeconds = result.direct?.nativeSeconds
    kvmTimesNative = result.direct?.timesNative
    kvmRatios = result.direct?.ratios ?? []
  }

  static func table(_ rows: [X86Bench]) -> TextTable {
    var table = TextTable([
      ("x86 program", .left), ("instructions", .right), ("emulator MIPS", .right),
      ("32-bit paged MIPS", .right), ("native ms", .right),
      ("KVM ms", .right), ("KVM / native", .right), ("KVM start ms", .right),
    ])
    func milliseconds(_ seconds: Double?) -> String { seconds.map { fixedPoint($0 * 1e3, 1) } ?? "-" }
    for row in rows {
      table.add([
        row.program, grouped(row.instructions), fixedPoint(row.emulatorMIPS, 0),
        fixedPoint(row.paged32MIPS, 0),
        milliseconds(row.nativeSeconds), milliseconds(row.kvmSeconds),
        row.kvmTimesNative.map { fixedPoint($0, 3) } ?? "-", milliseconds(row.kvmStartSeconds),
      ])
    }
    let measured = rows.filter { measure.contains($0.program) }
    let ratios = rows.compactMap(\.kvmTimesNative)
    table.add([
      "geometric mean", "(MIPS: sieve, crc, matrix, sort)",
      fixedPoint(EmulatorBench.geometricMean(measured.map(\.emulatorMIPS)), 0),
      fixedPoint(EmulatorBench.geometricMean(measured.map(\.paged32MIPS)), 0), "", "",
      ratios.isEmpty ? "-" : fixedPoint(EmulatorBench.geometricMean(ratios), 3), "",
    ])
    return table
  }
}
