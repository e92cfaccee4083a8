import Foundation
import Grading
import Testing

enum ConfinementHost {
  /// The `triad` beside the tests.
  static let launcher: String = {
    let products = URL(fileURLWithPath: Bundle.main.bundlePath).deletingLastPathComponent()
    let beside = [Bundle.main.bundleURL, products, products.deletingLastPathComponent()]
    return beside.map { $0.appendingPathComponent("triad").path }
      .first { FileManager.default.isExecutableFile(atPath: $0) } ?? ""
  }()
  static let lack: String? =
    launcher.isEmpty ? "`triad` is not beside the tests" : Confinement.lacks.first
}

/// What a confined program can and cannot do, tried with the shell and its built-in commands.
@Suite(.enabled(if: ConfinementHost.lack == nil, "no confinement here: \(ConfinementHost.lack ?? "")"))
struct ConfinementTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func run(
    _ script: String, writable: Bool = false, patience: Double = 60,
    _ change: (inout Confinement) -> Void = { _ in }
  ) throws -> (end: ProcessEnd, output: String) {
    var confinement = Confinement(processorSeconds: 5)
    if writable { confinement.writable = [folder.url.path] }
    change(&confinement)
    let out = FileManager.default.temporaryDirectory.appendingPathComponent("triad-out-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: out) }
    let process = BoundedProcess(
      launcher: ConfinementHost.launcher, confinement: confinement, patience: patience)
    let end = try process.run(
      ["/bin/sh", "-c", script], directory: "/", input: "/dev/null", output: out.path, errors: "/dev/null")
    return (end, (try? String(contentsOf: out, encoding: .utf8)) ?? "")
  }

  private var path: String { folder.url.appendingPathComponent("file").path }

  @Test func plainProgramsRun() throws {
    let result = try run("echo hello; exit 7")
    #expect(result.end == .exited(7))
    #expect(result.output == "hello\n")
  }

  @Test func onlyWritablePlacesCanBeChanged() throws {
    #expect(try run("echo x > \(path)").end != .exited(0))
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(try run("echo x > \(path)", writable: true).end == .exited(0))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "x\n")
    #expect(try run(": > \(path)").end != .exited(0), "truncated")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "x\n")
  }

  @Test func onlyReadablePlacesCanBeRead() throws {
    try folder.write("file", "secret\n")
    #expect(try run("read x < \(path); echo $x").output == "\n")
    #expect(try run("read x < \(path); echo $x", writable: true).output == "secret\n")
  }

  @Test func onlyTheDeviceThatIsNamedCanBeOpened() throws {
    #expect(try run("exec 3<> /dev/null && echo open").output.isEmpty)
    #expect(try run("exec 3<> /dev/null && echo open", { $0.devices = ["/dev/null"] }).output == "open\n")
    #expect(try run("exec 3<> /dev/zero && echo open", { $0.devices = ["/dev/null"] }).output.isEmpty)
    // A host without the device is no mistake: an exercise that needs it is not assessed there.
    #expect(try run("echo on", { $0.devices = ["/dev/triad-has-none"] }).output == "on\n")
  }

  @Test func noProcessesAndNoSignals() throws {
    #expect(try run("(true); echo child").output != "child\n")
    #expect(try run("kill -9 $PPID && echo killed").output.isEmpty)
    let free = try run("(exit 3); echo $?", { $0.allowsProcesses = true })
    #expect(free.output == "3\n", "where processes are allowed")
  }

  @Test func limitsEndWhatWouldNotEnd() throws {
    let loop = try run("while :; do :; done", { $0.processorSeconds = 1 })
    #expect([.signalled(SIGXCPU), .signalled(SIGKILL)].contains(loop.end), "\(loop.end)")
    #expect(try run("while :; do :; done", patience: 0.3).end == .killed)
    let flood = try run("while :; do echo aaaaaaaaaaaaaaaa; done", { $0.fileSize = 4096 })
    #expect(flood.output.utf8.count <= 4096)
    #expect(flood.end != .exited(0))
  }

  @Test func nothingOfTheEnvironmentIsHandedOn() throws {
    setenv("TRIAD_TEST_TOKEN", "secret", 1)
    #expect(try run("echo \"[$TRIAD_TEST_TOKEN]\"").output == "[]\n")
  }

  @Test func aProgramThatIsNotThereIsSaid() throws {
    let process = BoundedProcess(launcher: ConfinementHost.launcher, confinement: Confinement())
    let end = try process.run(
      ["/nonexistent"], directory: "/", input: "/dev/null", output: path, errors: path + ".err")
    #expect(end == .exited(77))
    #expect(try String(contentsOfFile: path + ".err", encoding: .utf8).contains("/nonexistent"))
    #expect(throws: LaunchError.self) {
      try BoundedProcess(launcher: "/nonexistent", confinement: Confinement()).run(
        ["/bin/true"], directory: "/", input: "/dev/null", output: path, errors: path)
    }
  }
}
