import Foundation
import MachineCore
import Trace
import X86Backend

let vectorsCommand = CommandSpecification(
  name: "vectors", summary: "Check a processor model against captured instructions.",
  arguments: [ArgumentSpecification(name: "FILE", help: "vectors as JSON, plain or gzip", count: 1...4096)],
  options: [
    OptionSpecification("--on", "ENGINE", "simulator or emulator (default emulator)"),
    OptionSpecification("--cpu", "MODEL", "8086, 286, 386 or x86-64 (default 8086)"),
    OptionSpecification(
      "--metadata", "FILE", "flag masks by opcode (default: metadata.json beside the vectors, if there)"),
    OptionSpecification("--all-flags", "compare undefined flags, too"),
    OptionSpecification("--show", "N", "how many failures of each file to show (default 3)"),
    OptionSpecification("--json", "print the result as JSON"),
  ],
  examples: ["triad vectors 00.json.gz --on emulator --cpu 8086", "triad vectors *.json --cpu 286 --json"],
  run: { arguments, terminal in
    let kind = try arguments.choice("--on", of: EngineKind.self, named: \.rawValue) ?? .emulator
    let model = try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue) ?? .i8086
    let shown = Int(clamping: try arguments.number("--show") ?? 3)
    let runner = try VectorRunner(kind, model: model, comparesAllFlags: arguments.has("--all-flags"))
    var result = VectorsResult(engine: kind.rawValue, cpu: model.rawValue)
    let start = ContinuousClock.now
    for path in arguments.positional {
      let metadata = try VectorMetadata(for: path, option: arguments.value("--metadata"))
      let file = try check(path, runner, metadata, shown)
      result.files.append(file)
      guard !arguments.has("--json") else { continue }
      terminal.line(file.text)
    }
    result.seconds = start.duration(to: .now).seconds
    terminal.line(arguments.has("--json") ? try jsonText(result) : result.text)
    return result.failed == 0 && result.passed > 0 ? .success : .failure
  })

private func check(
  _ path: String, _ runner: VectorRunner, _ metadata: VectorMetadata, _ shown: Int
) throws -> VectorsResult.File {
  var text = try readFile(path)
  if Gzip.isGzip(text) {
    do {
      text = try Gzip.decompress(text)
    } catch {
      throw CommandFailure.badInput("\(path): \(error)")
    }
  }
  var reader = VectorReader(text)
  var vector = HardwareVector()
  var result = VectorsResult.File(file: path)
  let mask = metadata.mask
  do {
    while try reader.next(&vector) {
      switch try runner.run(vector, mask: mask) {
      case .passed: result.passed += 1
      case .passedButUndefined:
        result.passed += 1
        result.undefinedFlagsDiffer += 1
      case .failed(let differences):
        result.failed += 1
        if result.failures.count < shown {
          result.failures.append(
            VectorsResult.Failure(
              index: vector.index ?? result.passed + result.failed - 1, name: vector.name,
              bytes: hexString(vector.bytes), differences: differences))
        }
      }
    }
  } catch let error as VectorError {
    throw CommandFailure.badInput("\(path): \(error)")
  } catch let failure as CommandFailure {
    throw CommandFailure(
      status: failure.status,
      message: "\(path), vector \(result.passed + result.failed) (\(vector.name)): \(failure.message)")
  }
  return result
}

/// What `triad vectors` found.
struct VectorsResult: Encodable {
  struct Failure: Encodable {
    var index: Int
    var name: String
    var bytes: String
    var differences: [String]
  }
  struct File: Encodable {
    var file: String
    var passed = 0
    var failed = 0
    var undefinedFlagsDiffer = 0
    var failures: [Failure] = []

    init(file: String) { self.file = file }

    var text: String {
      var lines = ["\(file): \(grouped(UInt64(passed))) passed, \(grouped(UInt64(failed))) failed"]
      if undefinedFlagsDiffer > 0 {
        lines[0] += "; \(grouped(UInt64(undefinedFlagsDiffer))) differ in undefined flags only"
      }
      for failure in failures {
        lines.append("  \(failure.index): \(failure.name)  [\(failure.bytes)]")
        lines += failure.differences.map { "      " + $0 }
      }
      if failed > failures.count, !failures.isEmpty { lines.append("  … \(failed - failures.count) more") }
      return lines.joined(separator: "\n")
    }
  }

  var engine: String
  var cpu: String
  var files: [File] = []
  var seconds = 0.0

  init(engine: String, cpu: String) {
    self.engine = engine
    self.cpu = cpu
  }

  var passed: Int { files.reduce(0) { $0 + $1.passed } }
  var failed: Int { files.reduce(0) { $0 + $1.failed } }
  var rate: Double { seconds > 0 ? Double(passed + failed) / seconds : 0 }

  var text: String {
    "\(cpu) on \(engine): \(grouped(UInt64(passed))) passed, \(grouped(UInt64(failed))) failed in "
      + "\(files.count) file\(files.count == 1 ? "" : "s"), \(grouped(UInt64(rate))) vectors a second"
  }

  private enum Key: String, CodingKey {
    case engine, cpu, files, seconds, passed, failed, vectorsPerSecond
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(engine, forKey: .engine)
    try container.encode(cpu, forKey: .cpu)
    try container.encode(files, forKey: .files)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(passed, forKey: .passed)
    try container.encode(failed, forKey: .failed)
    try container.encode(rate, forKey: .vectorsPerSecond)
  }
}

/// Flag masks of a set of captures: `opcodes`, by opcode and, for groups, by ModRM.reg.
struct VectorMetadata {
  /// Flags that are defined for the file's opcode; `nil` where nothing is said.
  var mask: UInt64?

  /// The mask for a file named by its opcode, such as `F6.4.json.gz`.
  init(for path: String, option: String?) throws {
    let url = URL(fileURLWithPath: path)
    let beside = url.deletingLastPathComponent().appending(path: "metadata.json").path
    guard let file = option ?? (FileManager.default.fileExists(atPath: beside) ? beside : nil) else { return }
    guard
      let root = try? JSONSerialization.jsonObject(with: Data(try readFile(file))) as? [String: Any]
    else { throw CommandFailure.badInput("`\(file)` is no JSON object") }
    let opcodes = root["opcodes"] as? [String: Any] ?? root
    let name = url.lastPathComponent.split(separator: ".").map(String.init)
    guard let opcode = name.first, var entry = opcodes[opcode.uppercased()] as? [String: Any] else { return }
    if name.count > 1, let group = entry["reg"] as? [String: Any],
      let form = group[name[1]] as? [String: Any]
    {
      entry = form
    }
    mask = (entry["flags-mask"] as? NSNumber)?.uint64Value
  }
}
