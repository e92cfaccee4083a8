import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import X86Backend

/// Decides from the trace that a student's program wrote, in this process, whether its machine was right.
struct TraceJudge {
  /// What was run.
  var workload: Workload
  /// The image as the student's program got it.
  var image: [UInt8]
  /// The command line that shows the same again.
  var reproduction: String
  /// What the trace must have.
  var level = TraceLevel.instructions

  /// `nil` when the trace is what it ought to be, else what is wrong, for the student.
  ///
  /// The header must be exactly the expected one: a trace that declares that it leaves something out
  /// would otherwise be compared without it.
  func complaint(about trace: String, ended end: ProcessEnd, errors: String) throws -> String? {
    let engine = try workload.makeEngine(.simulator)
    let header = FinalState.header(
      for: engine, level: level, program: "exercise", programDigest: Digest.of(image),
      configurationDigest: 0)
    let reference = EngineRecordSource(
      engine, header: header, limits: RunLimits(instructions: workload.instructionLimit))
    let mine: TraceReader
    do {
      mine = try TraceReader(try TraceFileInput(path: trace))
    } catch {
      return note("there is no trace of the run", end, errors)
    }
    var expected = header
    (expected.engine, expected.flavour) = (mine.header.engine, mine.header.flavour)
    guard mine.header == expected else { return note("the trace is not one of this exercise", end, errors) }
    let result: Trace.ComparisonResult
    do {
      result = try TraceComparator.compare(reference, mine, policy: ComparisonPolicy())
    } catch {
      return note("the trace is not complete", end, errors)
    }
    switch result.verdict {
    case .equal where end == .exited(0): return nil
    case .divergent(let divergence):
      let renderer = DivergenceRenderer(
        left: header, right: mine.header,
        disassemble: {
          ToyDisassembler.text(
            of: UInt32(truncatingIfNeeded: $0.bytes.low), at: UInt32(truncatingIfNeeded: $0.pc))
        }, locate: { workload.location(of: $0) })
      return "The first difference (`-` expected, `+` yours):\n\n```\n" + renderer.unified(divergence)
        + "```\n"
        + again + tail(end, errors)
    default: return note("the program did not end well", end, errors)
    }
  }

  private var again: String { "See it again: `\(reproduction)`" }

  private func note(_ what: String, _ end: ProcessEnd, _ errors: String) -> String {
    "Your program \(end), and \(what).\n\(again)" + (errors.isEmpty ? "" : "\n\n```\n\(errors)\n```")
  }

  private func tail(_ end: ProcessEnd, _ errors: String) -> String {
    (end == .exited(0) ? "" : "\nYour program \(end).") + (errors.isEmpty ? "" : "\n\n```\n\(errors)\n```")
  }
}
