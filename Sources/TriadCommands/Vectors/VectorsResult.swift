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
    /// Vectors that a revocation list takes back.
    var revoked = 0
    var undefinedFlagsDiffer = 0
    var failures: [Failure] = []
    /// Why the file could not be read to its end.
    var error: String?

    init(file: String) { self.file = file }

    var text: String {
      var lines = ["\(file): \(grouped(UInt64(passed))) passed, \(grouped(UInt64(failed))) failed"]
      if revoked > 0 { lines[0] += "; \(grouped(UInt64(revoked))) revoked" }
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
  /// Models, in the order in which they were first used.
  var cpu: String
  var files: [File] = []
  var seconds = 0.0

  init(engine: String, cpu: String) {
    self.engine = engine
    self.cpu = cpu
  }

  var passed: Int { files.reduce(0) { $0 + $1.passed } }
  var failed: Int { files.reduce(0) { $0 + $1.failed } }
  var hasErrors: Bool { files.contains { $0.error != nil } }
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
