import Foundation
import Testing

@Suite struct TraceCommandTests {
  @Test func tracesOfTwoMachinesAreEqualInEitherEncoding() throws {
    let first = try TemporaryFile("a.jsonl", nil as String?)
    let second = try TemporaryFile("b.bin", nil as String?)
    let size = "SIZE=500"
    #expect(
      triad(
        "trace", "sieve", "--define", size, "--on", "simulator", "--level", "instructions", "-o", first.path
      )
      .status == 0)
    #expect(
      triad(
        "trace", "sieve", "--define", size, "--on", "virtualizer", "--level", "instructions", "-o",
        second.path
      )
      .status == 0)
    let result = triad("diff", first.path, second.path)
    #expect(result.status == 0, "\(result.output)\(result.error)")
    #expect(result.output.hasPrefix("equal"))
  }

  @Test func aDifferenceIsShownWithItsPlace() throws {
    let first = try TemporaryFile("a.jsonl", nil as String?)
    let second = try TemporaryFile("b.jsonl", nil as String?)
    _ = triad("trace", "hello", "--level", "instructions", "-o", first.path)
    let text = try String(contentsOfFile: first.path, encoding: .utf8)
    // The same program stopped after twenty instructions: the traces agree as far as the shorter one goes.
    #expect(text.contains("\"schema\":\"triad.trace\""))
    _ = triad("trace", "hello", "--level", "instructions", "--max-instructions", "20", "-o", second.path)
    let result = triad("diff", first.path, second.path)
    #expect(result.status == 1, "\(result.output)\(result.error)")
    #expect(result.output.contains("divergent at event"))
  }

  @Test func differentProgramsAreNotComparable() throws {
    let first = try TemporaryFile("a.jsonl", nil as String?)
    let second = try TemporaryFile("b.jsonl", nil as String?)
    _ = triad("trace", "hello", "-o", first.path)
    _ = triad("trace", "hello", "--variant", "popf", "-o", second.path)
    #expect(triad("diff", first.path, second.path).status == 2)
  }

  @Test func truncatedTracesAreNamedWithTheirLine() throws {
    let first = try TemporaryFile("a.jsonl", nil as String?)
    _ = triad("trace", "hello", "-o", first.path)
    let lines = try String(contentsOfFile: first.path, encoding: .utf8).split(separator: "\n")
    let cut = try TemporaryFile("cut.jsonl", lines.dropLast().joined(separator: "\n") + "\n")
    let result = triad("diff", first.path, cut.path)
    #expect(result.status == 2)
    #expect(result.error.contains("cut.jsonl"))
  }
}
