import CConfine
import Foundation

/// Limits and rights of an untrusted program.
public struct Confinement: Sendable, Equatable {
  /// Paths that it may read and execute, with all beneath them; those that do not exist are left out.
  public var readable: [String]
  /// Paths that it may also change.
  public var writable: [String]
  /// Devices that it may open, read, write and control.
  public var devices: [String] = []
  /// Processor time in seconds. Grades never hang on it: it ends programs that would never end.
  public var processorSeconds: UInt64
  /// Address space in bytes.
  public var memory: UInt64
  /// Size in bytes of the largest file it can write, its output included.
  public var fileSize: UInt64
  /// It may start other programs; sockets and signals are refused only without this.
  public var allowsProcesses: Bool

  /// What programs written for a Unix system need to start at all.
  public static let systemPaths = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"]

  /// Rights to nothing but the system's programs and libraries.
  public init(
    readable: [String] = Self.systemPaths, writable: [String] = [], processorSeconds: UInt64 = 20,
    memory: UInt64 = 4 << 30, fileSize: UInt64 = 256 << 20, allowsProcesses: Bool = false
  ) {
    self.readable = readable
    self.writable = writable
    self.processorSeconds = processorSeconds
    self.memory = memory
    self.fileSize = fileSize
    self.allowsProcesses = allowsProcesses
  }

  /// What this host cannot take away from a program; empty when confinement is whole.
  public static var lacks: [String] {
    let version = cconfine_landlock_version()
    var result: [String] = []
    if version < 0 {
      result.append(
        "no Landlock in this kernel: programs could read and write any file of the user who grades")
    } else if version < 4 {
      result.append(
        "Landlock version \(version): no rules for network connections (sockets are refused all the same)")
    }
    return result
  }
}

/// The process that gives up its rights and then becomes the untrusted program.
///
/// Nothing of the program has run when the rights are gone, and nothing gives them back.
public enum ConfinedLaunch {
  /// First word of the command line that means ``run(_:)``.
  public static let verb = "__confined"

  /// The command line of a launch.
  static func arguments(_ program: [String], _ confinement: Confinement, in directory: String) -> [String] {
    var words = [
      verb, "\(confinement.processorSeconds)", "\(confinement.memory)", "\(confinement.fileSize)",
      confinement.allowsProcesses ? "1" : "0", directory,
    ]
    words += confinement.readable.flatMap { ["-r", $0] } + confinement.writable.flatMap { ["-w", $0] }
    words += confinement.devices.flatMap { ["-d", $0] }
    return words + ["--"] + program
  }

  /// Confines this process and executes a program in its place; returns only when that fails.
  ///
  /// - Parameter arguments: all after ``verb``.
  /// - Returns: what went wrong.
  public static func run(_ arguments: [String]) -> String {
    guard arguments.count > 6, let seconds = UInt64(arguments[0]), let memory = UInt64(arguments[1]),
      let fileSize = UInt64(arguments[2]), let border = arguments.firstIndex(of: "--"),
      border + 1 < arguments.count
    else { return "\(verb) is for the grader's own use" }
    let program = Array(arguments[(border + 1)...])
    guard chdir(arguments[4]) == 0 else { return "\(arguments[4]): \(text(-errno))" }
    limit(RLIMIT_CPU, seconds)
    limit(RLIMIT_AS, memory)
    limit(RLIMIT_FSIZE, fileSize)
    limit(RLIMIT_CORE, 0)
    limit(RLIMIT_NOFILE, 64)
    setsid()
    var problem = cconfine_no_new_privileges()
    guard problem == 0 else { return "no_new_privs: \(text(problem))" }
    if cconfine_landlock_version() > 0 {
      let rules = cconfine_rules()
      guard rules >= 0 else { return "Landlock: \(text(rules))" }
      var words = arguments[5..<border].makeIterator()
      while let kind = words.next(), let path = words.next() {
        problem = cconfine_allow(rules, path, kind == "-w" ? 1 : kind == "-d" ? 2 : 0)
        guard problem == 0 || problem == -ENOENT else { return "Landlock: \(path): \(text(problem))" }
      }
      problem = cconfine_enforce(rules)
      guard problem == 0 else { return "Landlock: \(text(problem))" }
    }
    if arguments[3] == "0" {
      problem = cconfine_no_processes()
      guard problem == 0 else { return "seccomp: \(text(problem))" }
    }
    var words: [UnsafeMutablePointer<CChar>?] = program.map { strdup($0) }
    words.append(nil)
    // SAFETY: the array ends with nil and its strings live until execv replaces the process or fails.
    execv(program[0], &words)
    return "cannot execute \(program[0]): \(text(-errno))"
  }

  private static func limit(_ resource: __rlimit_resource, _ value: UInt64) {
    var limit = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
    // A hard limit that is lower already stays; raising it is refused, and need not be possible.
    setrlimit(__rlimit_resource_t(resource.rawValue), &limit)
  }

  private static func text(_ error: Int32) -> String { String(cString: strerror(-error)) }
}
