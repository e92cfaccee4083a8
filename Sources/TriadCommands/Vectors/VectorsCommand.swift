import Foundation
import MachineCore
import Trace
import X86Backend

let vectorsCommand = CommandSpecification(
  name: "vectors", summary: "Check a processor model against captured instructions.",
  arguments: [
    ArgumentSpecification(
      name: "FILE", help: "vectors as JSON or MOO, plain or gzip, or a folder of them", count: 1...4096)
  ],
  options: [
    OptionSpecification("--on", "ENGINE", "simulator or emulator (default emulator)"),
    OptionSpecification(
      "--cpu", "MODEL", "8086, 286, 386 or x86-64 (default: what a MOO file says, else 8086)"),
    OptionSpecification(
      "--metadata", "FILE",
      "flag masks by opcode, JSON or CSV (default: metadata.json or 80386.csv beside or above the vectors)"),
    OptionSpecification(
      "--revoked", "FILE", "hashes of vectors to pass over (default: revocation_list.txt, likewise)"),
    OptionSpecification("--all-flags", "compare undefined flags, too"),
    OptionSpecification("--show", "N", "how many failures of each file to show (default 3)"),
    OptionSpecification("--quiet", short: "-q", "only files with failures, and the sum"),
    OptionSpecification("--json", "print the result as JSON"),
  ],
  examples: [
    "triad vectors 00.json.gz --on emulator --cpu 8086", "triad vectors v1_real_mode --cpu 286 --json",
  ],
  run: { arguments, terminal in
    let kind = try arguments.choice("--on", of: EngineKind.self, named: \.rawValue) ?? .emulator
    var check = VectorCheck(
      kind: kind, model: try arguments.choice("--cpu", of: X86CPUModel.self, named: \.rawValue),
      shown: Int(clamping: try arguments.number("--show") ?? 3),
      comparesAllFlags: arguments.has("--all-flags"))
    let files = try vectorFiles(arguments.positional)
    let wantsJSON = arguments.has("--json")
    var set = VectorSet(metadata: arguments.value("--metadata"), revoked: arguments.value("--revoked"))
    var result = VectorsResult(engine: kind.rawValue, cpu: "")
    let start = ContinuousClock.now
    for (number, path) in files.enumerated() {
      terminal.progress("\(number + 1)/\(files.count) \(path)")
      let mask = try set.mask(for: path)
      let file = try check.run(path, mask, try set.revokedHashes(for: path)) { count in
        terminal.progress("\(number + 1)/\(files.count) \(path): \(grouped(UInt64(count))) vectors")
      }
      result.files.append(file)
      terminal.progress("")
      if let error = file.error { terminal.note("\(path): \(error)") }
      guard !wantsJSON, file.error == nil, file.failed > 0 || !arguments.has("--quiet") else { continue }
      terminal.line(file.text)
    }
    result.seconds = start.duration(to: .now).seconds
    result.cpu = check.models.map(\.rawValue).joined(separator: ", ")
    terminal.line(wantsJSON ? try jsonText(result) : result.text)
    if result.hasErrors { return .badInput }
    return result.failed == 0 && result.passed > 0 ? .success : .failure
  })

/// Files of vectors, with folders replaced by what is in them.
private func vectorFiles(_ paths: [String]) throws -> [String] {
  var files: [String] = []
  for path in paths {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
      files.append(path)
      continue
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let found = names.filter { name in
      let name = name.lowercased()
      return [".json", ".json.gz", ".moo", ".moo.gz"].contains(where: name.hasSuffix)
        && !VectorSet.metadataNames.contains(name)
    }
    if found.isEmpty { throw CommandFailure.badInput("there are no vectors in `\(path)`") }
    files += found.sorted().map { URL(fileURLWithPath: path).appending(path: $0).relativePath }
  }
  return files
}

/// Checks one file after the other.
private struct VectorCheck {
  let kind: EngineKind
  let model: X86CPUModel?
  let shown: Int
  let comparesAllFlags: Bool
  /// Models that were used so far.
  private(set) var models: [X86CPUModel] = []
  private var runners: [X86CPUModel: VectorRunner] = [:]

  init(kind: EngineKind, model: X86CPUModel?, shown: Int, comparesAllFlags: Bool) {
    (self.kind, self.model, self.shown, self.comparesAllFlags) = (kind, model, shown, comparesAllFlags)
  }

  private mutating func runner(_ model: X86CPUModel) throws -> VectorRunner {
    if let runner = runners[model] { return runner }
    let runner = try VectorRunner(kind, model: model, comparesAllFlags: comparesAllFlags)
    runners[model] = runner
    models.append(model)
    return runner
  }

  mutating func run(
    _ path: String, _ mask: UInt64?, _ revoked: Set<String>, progress: (Int) -> Void
  ) throws -> VectorsResult.File {
    var result = VectorsResult.File(file: path)
    // Without a file there is no runner, but the engine is refused in any case.
    if let model { _ = try runner(model) }
    do {
      var contents = try readFile(path)
      if Gzip.isGzip(contents) { contents = try Gzip.decompress(contents) }
      var file = try VectorFile(contents)
      let runner = try runner(model ?? file.model ?? .i8086)
      var vector = HardwareVector()
      while try file.next(&vector) {
        if !revoked.isEmpty, revoked.contains(vector.hash.lowercased()) {
          result.revoked += 1
          continue
        }
        let number = result.passed + result.failed
        if number % 5000 == 4999 { progress(number + 1) }
        do {
          count(try runner.run(vector, mask: mask), vector, &result)
        } catch let failure as CommandFailure {
          result.error = "vector \(vector.index ?? number) (\(vector.name)): \(failure.message)"
          return result
        }
      }
    } catch let failure as CommandFailure where failure.status != .hostLacks {
      result.error = failure.message
    } catch let error as VectorError {
      result.error = error.description
    } catch let error as Gzip.Failure {
      result.error = error.description
    }
    return result
  }

  private func count(
    _ outcome: VectorRunner.Outcome, _ vector: HardwareVector, _ result: inout VectorsResult.File
  ) {
    switch outcome {
    case .passed: result.passed += 1
    case .passedButUndefined:
      result.passed += 1
      result.undefinedFlagsDiffer += 1
    case .failed(let differences):
      result.failed += 1
      guard result.failures.count < shown else { return }
      result.failures.append(
        VectorsResult.Failure(
          index: vector.index ?? result.passed + result.failed - 1, name: vector.name,
          bytes: hexString(vector.bytes), differences: differences))
    }
  }
}
