import Foundation
import Testing

/// What is exported, read again by small readers of these formats and set against the trace.
@Suite struct ExportTests {
  /// A virtualizer's trace of `minos` in a file, and its events as JSON lines.
  private struct Sample {
    let file: TemporaryFile
    let lines: [[String: Any]]

    init(_ program: String, on engine: String) throws {
      file = try TemporaryFile("trace.jsonl")
      let result = triad(
        "trace", program, "--on", engine, "--level", "instructions", "-o", file.path)
      try #require(result.status == 0, "\(result.error)")
      lines = try String(contentsOfFile: file.path, encoding: .utf8).split(separator: "\n").dropFirst().map {
        try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    }

    func count(_ kinds: String...) -> Int { lines.count { kinds.contains($0["k"] as? String ?? "") } }
  }

  @Test func perfettoSlicesNestAndCountsAgree() throws {
    let sample = try Sample("popf-probe", on: "virtualizer")
    let result = triad("export", sample.file.path, "--to", "perfetto")
    #expect(result.status == 0)
    let events = try #require((result.json as? [String: Any])?["traceEvents"] as? [[String: Any]])
    let instants = events.filter { $0["ph"] as? String == "i" }
    #expect(instants.count { ($0["name"] as? String)?.hasPrefix("exit ") == true } == sample.count("exit"))
    #expect(
      instants.count { $0["tid"] as? Int == 2 } == sample.count("trap", "interrupt", "device", "halt"))
    #expect(sample.count("exit") > 3)
    let last = try #require(events.last { $0["ph"] as? String == "C" }?["args"] as? [String: Int])
    #expect(last["exits"] == sample.count("exit"))
    // Slices of a thread follow each other.
    for thread in [1, 3] {
      let slices = events.filter { $0["ph"] as? String == "X" && $0["tid"] as? Int == thread }
      var end = 0
      for slice in slices {
        let start = try #require(slice["ts"] as? Int)
        #expect(start >= end, "\(slice)")
        end = start + (try #require(slice["dur"] as? Int))
      }
      #expect(!slices.isEmpty && end <= sample.count("retire"))
    }
    // Modes cover every instruction.
    let covered = events.filter { $0["ph"] as? String == "X" && $0["tid"] as? Int == 1 }
      .reduce(0) { $0 + ($1["dur"] as? Int ?? 0) }
    #expect(covered == sample.count("retire"))
  }

  @Test func valueChangesLeadToTheFinalRegisters() throws {
    let sample = try Sample("hello", on: "emulator")
    let result = triad("export", sample.file.path, "--to", "vcd")
    #expect(result.status == 0)
    var names: [String: String] = [:]
    var values: [String: String] = [:]
    var times: [Int] = []
    for line in result.output.split(separator: "\n") {
      let words = line.split(separator: " ")
      if line.hasPrefix("$var") {
        names[String(words[3])] = String(words[4])
      } else if line.hasPrefix("#") {
        times.append(try #require(Int(line.dropFirst())))
      } else if line.hasPrefix("b") {
        #expect(words.count == 2)
        values[try #require(names[String(words[1])])] = String(words[0].dropFirst())
      }
    }
    #expect(names.count == Set(names.values).count)
    #expect(times == times.sorted() && Set(times).count == times.count)
    let final = try #require(
      sample.lines.first { $0["k"] as? String == "final" }?["regs"] as? [String: String])
    #expect(final.count > 16)
    for (name, value) in final {
      let number = try #require(UInt64(value.dropFirst(2), radix: 16))
      #expect(values[name] == String(number, radix: 2), "\(name)")
    }
  }

  @Test func tablesHaveARowForEachEvent() throws {
    let sample = try Sample("hello", on: "virtualizer")
    let result = triad("export", sample.file.path, sample.file.path, "--to", "csv")
    let rows = result.output.components(separatedBy: "\r\n")
    let events = sample.lines.count { !["host", "end"].contains($0["k"] as? String ?? "") }
    #expect(rows.count == 2 * events + 2)
    #expect(rows.last == "")
    // Commas inside quotes do not separate.
    for row in rows.dropLast() {
      var quoted = false
      let commas = row.count {
        if $0 == "\"" { quoted.toggle() }
        return $0 == "," && !quoted
      }
      #expect(commas == 16 && !quoted, "\(row)")
    }
    #expect(rows.contains { $0.contains("\"lbu r5, 0(r9)\"") && $0.contains("r 0x120/1=0x48") })
  }

  @Test func spikeLinesAreThoseOfItsCommitLog() throws {
    let sample = try Sample("hello", on: "simulator")
    let result = triad("export", sample.file.path, "--to", "spike")
    let line =
      /core +0: [03] 0x[0-9a-f]{8} \(0x[0-9a-f]{8}\)( x\d+ +0x[0-9a-f]{8}| mem 0x[0-9a-f]{8}( 0x[0-9a-f]+)?)*/
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == sample.count("retire"))
    for text in lines { #expect(text.wholeMatch(of: line) != nil, "\(text)") }
    #expect(lines.contains { $0.hasSuffix("mem 0x00000120") && $0.contains("x5  0x00000048") })
  }

  @Test func wrongUseIsSaid() throws {
    let sample = try Sample("hello", on: "emulator")
    #expect(triad("export", sample.file.path).status == 2)
    let typo = triad("export", sample.file.path, "--to", "perfeto")
    #expect(typo.status == 2 && typo.error.contains("did you mean `perfetto`"))
    #expect(triad("export", sample.file.path, sample.file.path, "--to", "vcd").status == 2)
    #expect(triad("export", "/nonexistent", "--to", "csv").status == 3)
    #expect(triad("export", sample.file.path, "--to", "csv", "-o", sample.file.path).status == 2)
    // A damaged trace leaves no file behind.
    let damaged = try TemporaryFile("damaged.jsonl", sample.lines.isEmpty ? "" : "{\"k\":\"retire\"}\n")
    let target = try TemporaryFile("out.csv")
    #expect(triad("export", damaged.path, "--to", "csv", "-o", target.path).status == 3)
    #expect(!FileManager.default.fileExists(atPath: target.path))
  }
}

@Suite struct CompletionTests {
  @Test(arguments: ["bash", "zsh", "fish", "man"]) func everyCommandAndOptionIsThere(_ shell: String) throws {
    let text = triad("completions", shell).output
    let help = triad("help").output
    let commands = help.split(separator: "\n").filter { $0.hasPrefix("  ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(commands.count > 15)
    for command in commands { #expect(text.contains(command), "\(command)") }
    // A short and a long option of a command that has both.
    #expect(
      text.contains(
        shell == "man" ? "\\-\\-host\\-seconds" : shell == "fish" ? "-l host-seconds" : "--host-seconds"))
  }

  @Test func bashAcceptsIt() throws {
    let file = try TemporaryFile("triad.bash", triad("completions", "bash").output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [
      "-c",
      "source '\(file.path)' && COMP_WORDS=(triad compa) COMP_CWORD=1 && _triad && [ \"${COMPREPLY[*]}\" = compare ]"
        + " && COMP_WORDS=(triad export --to) COMP_CWORD=2 && _triad && [ \"${COMPREPLY[*]}\" = --to ]",
    ]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  @Test func unknownShellsAreRefused() {
    #expect(triad("completions", "bush").error.contains("did you mean `bash`"))
  }
}
