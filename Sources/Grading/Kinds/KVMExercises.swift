internal import Foundation
internal import X86Backend

/// How a machine is made: four steps, judged by the calls before the first KVM_RUN of a recorded run.
///
/// Option: `recordings`, a list with one name of a file in the lab's folder `recordings`.
enum KVMMachineExercise: ExerciseKind {
  static let name = "kvm-machine"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let scripts = try attempt.recordings()
    var good = 0
    var wrong: [String] = []
    var count = 0
    for (name, script) in scripts {
      let (events, run) = try attempt.events(of: script, live: false)
      let steps = KVMJudge(script, events).steps
      count += steps.count
      for step in steps {
        if let lack = step.lack { wrong.append("`\(name)`, \(step.name): \(lack)") } else { good += 1 }
      }
      if wrong.count > 0 { wrong[wrong.count - 1] += attempt.tail(run) }
      if run.hangs { break }
    }
    return attempt.outcome(good, scripts.count * 4, wrong)
  }
}

/// Recorded runs: each counts when every exit was handled as it must be, up to the end.
///
/// Option: `recordings`, names of files in the lab's folder `recordings`.
enum KVMRecordedExercise: ExerciseKind {
  static let name = "kvm-recorded"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let scripts = try attempt.recordings()
    var good = 0
    var wrong: [String] = []
    for (name, script) in scripts {
      let (events, run) = try attempt.events(of: script, live: false)
      if let lack = KVMJudge(script, events).runLack {
        wrong.append("`\(name)`: \(lack)" + attempt.tail(run))
      } else if run.end != .exited(0) {
        wrong.append("`\(name)`: your program \(run.end)")
      } else {
        good += 1
      }
      if run.hangs { break }
    }
    return attempt.outcome(good, scripts.count, wrong)
  }
}

/// Real runs on this host's KVM, with guests whose number and input come from the seed.
///
/// Option: `guests`, names of files in the lab's folder `guests`, without `.bin`. What they must print is what they
/// print on Triad's emulator.
enum KVMLiveExercise: ExerciseKind {
  static let name = "kvm-live"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let names = attempt.exercise.list("guests")
    var good = 0
    var wrong: [String] = []
    for name in names {
      let file = attempt.folder.appendingPathComponent("guests/\(name).bin")
      guard let program = try? Data(contentsOf: file) else { throw attempt.mistake("no guest `\(name)`") }
      let script = try KVMScript(guest: name, program: Array(program), seed: attempt.seed)
      guard let expected = try script.emulated() else {
        throw attempt.mistake("the guest `\(name)` does not halt on the emulator")
      }
      let (events, run) = try attempt.events(of: script, live: true)
      let judge = KVMJudge(script, events)
      if let lack = judge.runLack {
        wrong.append("`\(name)` on this computer's KVM: \(lack)" + attempt.tail(run))
      } else if judge.shown != expected || run.end != .exited(0) {
        wrong.append("`\(name)` on this computer's KVM: the terminal shows something else than it must")
      } else {
        good += 1
      }
      if run.hangs { break }
    }
    return attempt.outcome(good, names.count, wrong)
  }
}

extension Attempt {
  /// The exercise's recordings, by name.
  func recordings() throws -> [(String, KVMScript)] {
    let names = exercise.list("recordings")
    guard !names.isEmpty else { throw mistake("`recordings` must name some") }
    return try names.map { name in
      let file = folder.appendingPathComponent("recordings/\(name).txt")
      guard let text = try? String(contentsOf: file, encoding: .utf8) else {
        throw mistake("no recording `\(name)`")
      }
      return (name, try KVMScript(text))
    }
  }

  /// Runs the student's program on a request and gives what it wrote.
  func events(of script: KVMScript, live: Bool) throws -> (events: [KVMEvent], run: Run) {
    let run = try run(Data(script.text.utf8), device: live ? "/dev/kvm" : nil)
    let output = (try? Data(contentsOf: URL(fileURLWithPath: run.output))) ?? Data()
    return (KVMEvent.events(output), run)
  }

  /// How the program ended, if not well, and what it said.
  func tail(_ run: Run) -> String {
    (run.end == .exited(0) ? "" : "\n  Your program \(run.end).")
      + (run.errors.isEmpty ? "" : "\n\n```\n\(run.errors)\n```\n")
  }

  /// The share that is right, with what is not.
  func outcome(_ good: Int, _ count: Int, _ wrong: [String]) -> Assessment {
    guard !wrong.isEmpty else { return Assessment(good: good, of: count) }
    return Assessment(
      good: good, of: count,
      message: "\(good) of \(count) parts are right.\n\n" + wrong.map { "- \($0)\n" }.joined()
        + "\nSee it again: `\(reproduction)`")
  }
}
