import CConfine
import Foundation

/// How an untrusted program ended.
public enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
  case exited(Int32)
  /// A signal ended it, such as a crash or the limit of processor time.
  case signalled(Int32)
  /// It was still there when the host's patience ended.
  case killed

  public var description: String {
    switch self {
    case .exited(0): "ended normally"
    case .exited(let status): "ended with status \(status)"
    case .signalled(SIGXCPU): "used up its processor time (an endless loop?)"
    case .signalled(SIGKILL): "was killed: it used up its processor time (an endless loop?)"
    case .signalled(SIGXFSZ): "wrote more output than it may"
    case .signalled(let signal) where [SIGILL, SIGTRAP, SIGSEGV, SIGABRT, SIGFPE, SIGBUS].contains(signal):
      "crashed (signal \(signal))"
    case .signalled(let signal): "was ended by signal \(signal)"
    case .killed: "was still running when its time was over"
    }
  }
}

/// Thrown when a program cannot be started at all.
public struct LaunchError: Error, Sendable, Equatable, CustomStringConvertible {
  public var description: String
}

/// Runs programs that nobody trusts, each in a session of its own that ends as a whole.
public struct BoundedProcess: Sendable {
  /// The program that knows ``ConfinedLaunch/verb``: the grader itself. Without it programs run as they are,
  /// bounded only in processor time and size of output.
  public var launcher: String?
  public var confinement: Confinement
  /// Bound in seconds of host time for programs that sleep instead of working.
  public var patience: Double

  /// A way to run programs.
  public init(launcher: String?, confinement: Confinement, patience: Double = 120) {
    self.launcher = launcher
    self.confinement = confinement
    self.patience = patience
  }

  /// Runs a program to its end.
  ///
  /// - Parameters:
  ///   - program: absolute path and arguments.
  ///   - directory: working directory, if it is confined.
  ///   - input: file for standard input.
  ///   - output: file for standard output; made or emptied.
  ///   - errors: file for standard error; made or emptied.
  ///   - extra: variables of its environment beside `PATH`, `LC_ALL` and `HOME`.
  /// - Throws: ``LaunchError`` when it does not start.
  public func run(
    _ program: [String], directory: String, input: String, output: String, errors: String,
    environment extra: [String: String] = [:]
  ) throws(LaunchError) -> ProcessEnd {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&files, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    let words =
      launcher.map { [$0] + ConfinedLaunch.arguments(program, confinement, in: directory) } ?? program
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    // Nothing of the grader's environment: it may hold tokens, and results must not depend on it.
    let variables =
      ["PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=/nonexistent"] + extra.map { "\($0.key)=\($0.value)" }
    var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) }
    environment.append(nil)
    defer { for pointer in arguments + environment { free(pointer) } }
    var child: pid_t = 0
    // SAFETY: both arrays end with nil and their strings live until the call returns.
    let problem = posix_spawn(&child, words[0], &files, nil, &arguments, &environment)
    guard problem == 0 else {
      throw LaunchError(description: "cannot start \(words[0]): \(String(cString: strerror(problem)))")
    }
    if launcher == nil {
      // Where this is not possible, patience is the only bound.
      _ = cconfine_bound(child, confinement.processorSeconds, confinement.fileSize)
    }
    let end = wait(for: child)
    // The session's other members, if there are any.
    kill(-child, SIGKILL)
    return end
  }

  private func wait(for child: pid_t) -> ProcessEnd {
    let deadline = DispatchTime.now().uptimeNanoseconds + UInt64(max(patience, 0) * 1e9)
    var status: Int32 = 0
    var pause: UInt32 = 500
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { break }
      if ended < 0, errno != EINTR { return .killed }
      if DispatchTime.now().uptimeNanoseconds > deadline {
        kill(-child, SIGKILL)
        kill(child, SIGKILL)
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return .killed
      }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
  }
}
