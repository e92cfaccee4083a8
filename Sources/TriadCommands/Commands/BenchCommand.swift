import Emulator
import Foundation
import MachineCore
import Properties
import ToyISA
import X86Backend

let benchCommand = CommandSpecification(
  name: "bench", summary: "Measure speed: guest instructions by engine, and the cost of a KVM exit.",
  arguments: [],
  options: [
    OptionSpecification("--isa", "ISA", "only toy or only x86 (default both)"),
    OptionSpecification("--rounds", "N", "rounds, of which the median counts (default 3)"), jsonOption,
  ],
  examples: ["triad bench", "triad bench --isa x86 --rounds 5 --json"],
  run: { arguments, terminal in
    let rounds = Int(clamping: try arguments.number("--rounds") ?? 3)
    guard (1...1000).contains(rounds) else { throw CommandFailure.usage("--rounds takes 1 to 1000") }
    #if DEBUG
      terminal.note(
        "warning: this is a debug build; its speeds mean little. Use `swift run -c release triad bench`.")
    #endif
    var report = BenchReport()
    let isa = arguments.value("--isa") ?? ""
    guard ["", "toy", "x86"].contains(isa) else { throw CommandFailure.usage("--isa takes toy or x86") }
    for name in EmulatorBench.names where isa != "x86" {
      terminal.progress("bench: \(name)")
      guard let program = ToyPrograms.named(name),
        let native = try EmulatorBench.run(name, repetitions: rounds)
      else { continue }
      guard native.isCorrect else {
        throw CommandFailure(
          status: .failure, message: "\(name): the guest and its C version came to different results")
      }
      let speeds = try SpeedBench.run(program, rounds: rounds)
      report.programs.append(ProgramBench(native, speeds))
    }
    for computation in X86Computation.allCases where isa != "toy" {
      terminal.progress("bench: \(computation.name(.long64))")
      let result = try X86SpeedBench.run(computation, rounds: rounds)
      guard result.isCorrect else {
        throw CommandFailure(
          status: .failure, message: "\(computation.name(.long64)): the engines came to different results")
      }
      report.x86.append(X86Bench(result))
    }
    if isa != "toy" {
      terminal.progress("bench: KVM exits")
      do throws(EngineRefusal) {
        report.exits = ExitBench(try KVMExitBench.run())
      } catch {
        report.exitsNotMeasured = error.reason
      }
    }
    terminal.progress("")
    if arguments.has("--json") { terminal.line(try jsonText(report)) } else { report.write(to: terminal) }
    return .success
  })

/// Speeds on one program.
private struct ProgramBench: Encodable {
  var program: String
  var instructions: UInt64
  var cSeconds: Double
  var emulatorSeconds: Double
  /// The emulator's time over that of C.
  var timesC: Double
  var mips: [String: Double]
  /// The VMM's speed over the bare processor's.
  var virtualizerOverEmulator: Double
  /// The emulator's speed with a recorder that wants nothing, over that without one.
  var traceOffOverNone: Double

  init(_ native: BenchResult, _ speeds: [SpeedBench.Subject: SpeedBench.Result]) {
    program = native.name
    instructions = native.instructions
    cSeconds = native.nativeSeconds
    emulatorSeconds = native.guestSeconds
    timesC = native.ratio
    mips = Dictionary(uniqueKeysWithValues: speeds.map { ($0.key.rawValue, $0.value.mips) })
    let bare = speeds[.emulator]?.mips ?? 0
    virtualizerOverEmulator = (speeds[.virtualizer]?.mips ?? 0) / bare
    traceOffOverNone = (speeds[.emulatorTraceOff]?.mips ?? 0) / bare
  }
}

/// What an exit to this package costs.
private struct ExitBench: Encodable {
  var exits: Int
  var nanosecondsPerExit: Double
  /// Time of this package's exit loop over that of the same loop in C.
  var timesC: Double

  init(_ result: KVMExitBench.Result) {
    exits = result.exits
    nanosecondsPerExit = result.nanosecondsPerExit
    timesC = result.ratio
  }
}

private struct BenchReport: Encodable {
  var programs: [ProgramBench] = []
  var x86: [X86Bench] = []
  var exits: ExitBench?
  var exitsNotMeasured: String?

  func write(to terminal: Terminal) {
    var table = TextTable([
      ("program", .left), ("instructions", .right), ("C ms", .right), ("emulator ms", .right),
      ("× C", .right),
      ("emulator MIPS", .right), ("vmm / bare", .right), ("trace off / none", .right),
      ("simulator MIPS", .right),
    ])
    func mips(_ program: ProgramBench, _ subject: SpeedBench.Subject) -> Double {
      program.mips[subject.rawValue] ?? 0
    }
    for program in programs {
      table.add([
        program.program, grouped(program.instructions), fixedPoint(program.cSeconds * 1e3, 1),
        fixedPoint(program.emulatorSeconds * 1e3, 1), fixedPoint(program.timesC, 2),
        fixedPoint(mips(program, .emulator), 0), fixedPoint(program.virtualizerOverEmulator, 3),
        fixedPoint(program.traceOffOverNone, 3), fixedPoint(mips(program, .simulator), 1),
      ])
    }
    func mean(_ value: (ProgramBench) -> Double) -> Double {
      EmulatorBench.geometricMean(programs.map(value))
    }
    table.add([
      "geometric mean", "", "", "", fixedPoint(mean(\.timesC), 2),
      fixedPoint(mean { mips($0, .emulator) }, 0),
      fixedPoint(mean(\.virtualizerOverEmulator), 3), fixedPoint(mean(\.traceOffOverNone), 3),
      fixedPoint(mean { mips($0, .simulator) }, 1),
    ])
    if !programs.isEmpty { for line in table.lines() { terminal.line(line) } }
    guard !x86.isEmpty else { return }
    terminal.line()
    for line in X86Bench.table(x86).lines() { terminal.line(line) }
    terminal.line()
    if let exits {
      terminal.line(
        "KVM exit (port write): \(fixedPoint(exits.nanosecondsPerExit, 0)) ns, \(fixedPoint(exits.timesC, 3)) times the same loop in C"
      )
    } else {
      terminal.line("KVM exit: not measured: \(exitsNotMeasured ?? "no reason")")
    }
  }
}
