public import Foundation

/// Where submissions are built: the framework once, each submission in a folder of its own.
public struct Workbench: Sendable {
  /// The `Labs` folder.
  public var labs: URL
  /// Folder for all that grading makes; it can be deleted at any time.
  public var work: URL
  /// The grader's own program.
  public var launcher: String
  private let compiler: String
  private let toolchain: String

  /// A workbench.
  ///
  /// - Throws: ``SubmissionError`` when there is no `swiftc`.
  public init(labs: URL, work: URL, launcher: String) throws(SubmissionError) {
    self.labs = labs.standardizedFileURL.resolvingSymlinksInPath()
    // Paths go into what the build system remembers: the same folder must not have two.
    self.work = work.standardizedFileURL.resolvingSymlinksInPath()
    self.launcher = launcher
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard
      let found = folders.map({ "\($0)/swiftc" }).first(where: {
        FileManager.default.isExecutableFile(atPath: $0)
      })
    else {
      throw SubmissionError(
        description: "there is no `swiftc` on the PATH\n  help: install the Swift toolchain")
    }
    compiler = URL(fileURLWithPath: found).resolvingSymlinksInPath().path
    // …/usr/bin/swift-frontend: the toolchain is all beneath its `usr`.
    toolchain = URL(fileURLWithPath: compiler).deletingLastPathComponent().deletingLastPathComponent().path
    compilerName = found
  }

  private let compilerName: String
  private var framework: URL { work.appendingPathComponent("framework") }
  private var modules: URL { framework.appendingPathComponent("release/Modules") }
  private var cache: URL { work.appendingPathComponent("modules") }

  /// Builds what all labs share, if it is not there; a few minutes the first time.
  ///
  /// - Throws: ``SubmissionError`` with the end of the compiler's output.
  public func prepare(_ lab: LabManifest) throws {
    guard lab.isProgram else { return }
    for module in ["LabKit"] + (lab.modules ?? []) { try prepare(target: module) }
  }

  private func prepare(target: String) throws {
    try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: compilerName).deletingLastPathComponent()
      .appendingPathComponent("swift")
    process.arguments = [
      "build", "-c", "release", "--package-path", labs.path, "--scratch-path", framework.path, "--target",
      target,
    ]
    let log = work.appendingPathComponent("framework.log")
    _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    let handle = try FileHandle(forWritingTo: log)
    process.standardOutput = handle
    process.standardError = handle
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
      throw SubmissionError(
        description: "the labs' framework does not build:\n"
          + text.split(separator: "\n").suffix(20).joined(separator: "\n"))
    }
  }

  /// Builds a student's files and the lab's runner around them.
  ///
  /// - Parameters:
  ///   - texts: the student's files by name.
  ///   - folder: an empty folder for the result.
  /// - Returns: `nil`, or what the compiler says to the student.
  func build(_ lab: LabManifest, _ texts: [String: String], in folder: URL) throws -> String? {
    let sources = folder.appendingPathComponent("Sources")
    try FileManager.default.createDirectory(at: sources, withIntermediateDirectories: true)
    for (name, text) in texts {
      try Data(text.utf8).write(to: sources.appendingPathComponent(name))
    }
    if let problem = try importProblem(lab, in: sources, of: folder) { return problem }
    let object = folder.appendingPathComponent("\(lab.id).o").path
    let common =
      [
        "-O", "-wmo", "-swift-version", "6", "-I", modules.path, "-module-cache-path", cache.path,
        "-no-color-diagnostics",
      ] + headers(for: lab)
    let compile =
      [compilerName] + common + [
        "-module-name", lab.id, "-parse-as-library", "-emit-module", "-emit-module-path",
        folder.appendingPathComponent("\(lab.id).swiftmodule").path, "-c", "-o", object,
      ]
      + texts.keys.filter { $0.hasSuffix(".swift") }.sorted().map { sources.appendingPathComponent($0).path }
    if let problem = try run(compile, in: folder) {
      return problem.replacing(sources.path + "/", with: "")
    }
    let link =
      [compilerName] + common + [
        "-module-name", "Runner", "-I", folder.path, "-static-stdlib", "-o", program(in: folder),
        labs.appendingPathComponent("\(lab.id)/Runner/main.swift").path, object,
      ] + objects(for: lab)
    return try run(link, in: folder).map { "the program around your files does not build:\n" + $0 }
  }

  /// Modules that the files import beyond those allowed, as the compiler finds them: however an import is written.
  private func importProblem(_ lab: LabManifest, in sources: URL, of folder: URL) throws -> String? {
    guard let allowed = lab.imports else { return nil }
    let list = folder.appendingPathComponent("imports").path
    let files = try FileManager.default.contentsOfDirectory(atPath: sources.path).sorted()
      .filter { $0.hasSuffix(".swift") }.map { sources.appendingPathComponent($0).path }
    let command = [
      compilerName, "-swift-version", "6", "-parse-as-library", "-wmo", "-emit-imported-modules",
    ]
    // What does not even parse is for the compilation to say.
    guard try run(command + ["-o", list] + files, in: folder) == nil,
      let text = try? String(contentsOfFile: list, encoding: .utf8)
    else { return nil }
    let foreign = Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
      .subtracting(allowed + ["Swift", "_Concurrency", "_StringProcessing"])
    guard !foreign.isEmpty else { return nil }
    return
      "only \(allowed.joined(separator: ", ")) may be imported, not \(foreign.sorted().joined(separator: ", "))"
  }

  /// The student's program, once built.
  func program(in folder: URL) -> String { folder.appendingPathComponent("runner").path }

  /// Where the compiler finds the labs' modules in C.
  private func headers(for lab: LabManifest) -> [String] {
    (lab.modules ?? []).map { labs.appendingPathComponent("\($0)/include").path }
      .filter { FileManager.default.fileExists(atPath: $0) }.flatMap { ["-I", $0] }
  }

  private func objects(for lab: LabManifest) -> [String] {
    let folder = framework.appendingPathComponent("release").resolvingSymlinksInPath()
    return (["LabKit"] + (lab.modules ?? []) + ["ToyISA", "MachineCore", "Trace"]).flatMap {
      module -> [String] in
      let place = folder.appendingPathComponent("\(module).build")
      let names = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
      return names.filter { $0.hasSuffix(".o") }.sorted().map { place.appendingPathComponent($0).path }
    }
  }

  /// `nil`, or the compiler's output when it failed.
  private func run(_ command: [String], in folder: URL) throws -> String? {
    let confinement = Confinement(
      readable: Confinement.systemPaths + [toolchain, "/etc", "/proc", "/dev", labs.path, framework.path],
      writable: [folder.path, cache.path, "/dev/null"], processorSeconds: 300, memory: 16 << 30,
      fileSize: 512 << 20, allowsProcesses: true)
    let log = folder.appendingPathComponent("compiler.log").path
    let process = BoundedProcess(launcher: launcher, confinement: confinement, patience: 600)
    let end = try process.run(
      command, directory: folder.path, input: "/dev/null", output: log + ".out", errors: log,
      environment: ["TMPDIR": folder.path])
    if end == .exited(0) { return nil }
    let text = Self.start(of: log, lines: 40) + Self.start(of: log + ".out", lines: 40)
    return text.isEmpty ? "the compiler \(end)" : text
  }

  /// The first lines of a text file that may be long or damaged.
  static func start(of file: String, lines: Int) -> String {
    guard let handle = FileHandle(forReadingAtPath: file), let data = try? handle.read(upToCount: 16 << 10)
    else {
      return ""
    }
    let text = String(decoding: data, as: UTF8.self)
    let safe = String(
      text.unicodeScalars.filter { $0 == "\n" || $0 == "\t" || $0.value >= 0x20 && $0.value != 0x7F })
    return safe.split(separator: "\n", omittingEmptySubsequences: false).prefix(lines).joined(separator: "\n")
      .replacing("```", with: "'''")
  }
}
