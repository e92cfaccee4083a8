internal import Foundation
internal import MachineCore
internal import Properties
internal import ToyISA
internal import Trace
internal import X86Backend

/// Guests run under a student's VMM: what the guest sees must be what it sees on the bare machine, and on demand
/// the VMM must keep control and let most instructions run directly.
///
/// Options: `programs` (built-in ones, `NAME DEFINE=N … LIMIT=N`) or the subject of generated ones; `variants`; `level` (`events` or
/// `instructions`); `levels`, how many VMMs stand on each other, or a list of `depths`; and what ``MonitorDemands`` has:
/// `control`, `probe`, `hybrid`, `multiplication` (1: yes), `direct` and `stretch` (the least).
enum MonitorExercise: ExerciseKind {
  static let name = "monitor"

  static func assess(_ attempt: Attempt) throws -> Assessment {
    let exercise = attempt.exercise
    var variants: [ToyVariant] = []
    for name in exercise.list("variants") {
      guard let variant = ToyVariant(rawValue: name) else { throw attempt.mistake("no variant `\(name)`") }
      variants.append(variant)
    }
    if variants.isEmpty { variants = [.classic] }
    let depths = exercise.list("depths").compactMap { Int($0) }
    let levels = depths.isEmpty ? [exercise.number("levels").map { Int($0) } ?? 1] : depths
    guard levels.allSatisfy((1...4).contains) else { throw attempt.mistake("levels are not in 1...4") }
    var demands = MonitorDemands()
    demands.control = exercise.number("control") == 1
    demands.probe = exercise.number("probe") == 1
    demands.hybrid = exercise.number("hybrid") == 1
    demands.multiplication = exercise.number("multiplication") == 1
    demands.direct = exercise.number("direct")
    demands.stretch = exercise.number("stretch")
    let isDetailed = exercise.text("level") != "events"

    var good = 0
    var all = 0
    var complaint: String?
    for (variant, levels) in variants.flatMap({ variant in levels.map { (variant, $0) } }) {
      let workloads = try attempt.guests(variant)
      all += workloads.count
      for (number, workload) in workloads.enumerated() {
        let judge = MonitorJudge(
          workload: workload, level: isDetailed ? .instructions : .events,
          layout: MonitorLayout(
            levels: levels, guest: workload.storage, seed: attempt.seed &+ UInt64(number)),
          seed: attempt.seed, demands: demands, reproduction: attempt.reproduction)
        let run = try attempt.run(judge.request)
        if let found = try judge.complaint(about: run.output, ended: run.end, errors: run.errors) {
          let place = levels == 1 ? "" : " with \(levels) VMMs"
          complaint = complaint ?? "Guest `\(workload.name)`\(place). \(found)"
          if run.hangs { break }
        } else {
          good += 1
        }
      }
    }
    let count = all > 1 ? "\(good) of \(all) guests are well. " : ""
    return Assessment(good: good, of: all, message: complaint.map { count + $0 } ?? "")
  }
}

extension Attempt {
  /// The guests of a monitor exercise.
  fileprivate func guests(_ variant: ToyVariant) throws -> [Workload] {
    let tail = variant == .classic ? "" : " on \(variant.rawValue)"
    if let subject = exercise.subject {
      guard let part = MonitorGuests(rawValue: subject) else { throw mistake("no guests for `\(subject)`") }
      return try (0..<(exercise.count ?? 10)).map { number in
        let machine = ToyMachine(memorySize: MonitorGuests.memorySize)
        let image = try part.image(seed: seed, number: number)
        return Workload(
          name: "\(subject) \(number + 1)\(tail)", machine: .toy(image, machine, variant),
          instructionLimit: exercise.limit ?? 20_000)
      }
    }
    return try exercise.list("programs").map { text in
      let words = text.split(separator: " ").map(String.init)
      guard let program = ToyPrograms.named(words.first ?? "") else { throw mistake("no program `\(text)`") }
      var defines: [String: Int64] = [:]
      for word in words.dropFirst() {
        let pair = word.split(separator: "=").map(String.init)
        guard pair.count == 2, let value = Int64(pair[1]) else { throw mistake("`\(word)` is not NAME=N") }
        defines[pair[0]] = value
      }
      let limit = defines.removeValue(forKey: "LIMIT").map { UInt64(clamping: $0) }
      return Workload(
        name: text + tail, machine: .toy(try program.assemble(with: defines), program.machine, variant),
        instructionLimit: limit ?? program.instructionLimit)
    }
  }
}

extension Workload {
  /// Bytes of a toy machine's storage.
  fileprivate var storage: Int { if case .toy(_, let machine, _) = machine { machine.memorySize } else { 0 } }
}
