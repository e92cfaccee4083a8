package import Foundation
internal import MachineCore
package import Properties
internal import ToyISA
package import Trace
internal import X86Backend

/// What is asked of a VMM beside equivalence.
package struct MonitorDemands {
  /// Resource control.
  package var control = false
  /// The levels are asked for what is behind the end of their storage.
  package var probe = false
  /// No code in virtual supervisor mode runs directly.
  package var hybrid = false
  /// The least share of instructions that must run directly.
  package var direct: Double?
  /// How many instructions it must interpret at a time, on the average.
  package var stretch: Double?
  /// Each trap arrives exactly once at each level.
  package var multiplication = false

  package init() {}
}

/// Decides from the trace of a guest under a student's VMM whether the VMM has the three properties of the paper:
/// equivalence, resource control, efficiency.
package struct MonitorJudge {
  package var workload: Workload
  package var level: TraceLevel
  package var layout: MonitorLayout
  /// Of what is in storage around the guest.
  package var seed: UInt64
  package var demands: MonitorDemands
  package var reproduction: String

  /// The longest slice that a VMM may give its guest, in instructions; `VirtualMachine.quantum` of the labs' frame.
  package static let quantum: UInt64 = 10_000

  package init(
    workload: Workload, level: TraceLevel, layout: MonitorLayout, seed: UInt64, demands: MonitorDemands,
    reproduction: String
  ) {
    self.workload = workload
    self.level = level
    self.layout = layout
    self.seed = seed
    self.demands = demands
    self.reproduction = reproduction
  }

  private var toy: (image: [UInt8], machine: ToyMachine, variant: ToyVariant) {
    guard case .toy(let image, let machine, let variant) = workload.machine else {
      return ([], ToyMachine(), .classic)
    }
    return (image.encode(includeText: false), machine, variant)
  }

  /// What the student's program gets on standard input.
  package var request: Data {
    let (image, machine, variant) = toy
    let line =
      "\(workload.instructionLimit) \(machine.memorySize) \(variant.rawValue) \(level.name) \(seed)"
      + " \(demands.probe ? 1 : 0) \(layout.text) \(machine.input.count) \(machine.disk.count)\n"
    return Data(line.utf8) + Data(machine.input) + Data(machine.disk) + Data(image)
  }

  /// `nil` when all is well, else what is wrong, for the student.
  package func complaint(about trace: String, ended end: ProcessEnd, errors: String) throws -> String? {
    let judge = TraceJudge(
      workload: workload, image: toy.image, reproduction: reproduction, level: level)
    if let difference = try judge.complaint(about: trace, ended: end, errors: errors) { return difference }
    guard let report = Self.report(trace, layout) else { return "The trace is not complete." }
    return complaint(about: report).map { "\($0)\nSee it again: `\(reproduction)`" }
  }

  /// What the trace says about the VMM; `nil` if it cannot be read.
  package static func report(_ trace: String, _ layout: MonitorLayout) -> MonitorReport? {
    var report = MonitorReport(layout)
    do {
      let reader = try TraceReader(try TraceFileInput(path: trace))
      while let record = try reader.next() { report.add(record) }
    } catch {
      return nil
    }
    return report
  }

  /// What is wrong with control or efficiency.
  package func complaint(about report: MonitorReport) -> String? {
    // Whatever the exercise is about: this much of the map is needed for the trace to mean anything.
    if report.fromAbove == nil || report.fromAbove != report.storage {
      return "What the VMM reads from its guest's storage is not what the guest has there."
    }
    return (demands.control ? control(report) : nil) ?? (demands.probe ? map(report) : nil)
      ?? (demands.hybrid ? hybrid(report) : nil) ?? efficiency(report)
      ?? (demands.multiplication ? multiplication(report) : nil)
  }

  private func control(_ report: MonitorReport) -> String? {
    for (number, level) in report.levels.enumerated() {
      let place = report.levels.count == 1 ? "" : " by the VMM on hardware \(number)"
      if let clock = level.notUser {
        return
          "Equivalence holds, but not control: when the guest had retired \(clock) instructions, the hardware was"
          + " entered\(place) in real supervisor mode or with paging."
      }
      if let (clock, base, bound) = level.outside {
        let region = layout.regions[number]
        return
          "Equivalence holds, but not control: when the guest had retired \(clock) instructions, the hardware was"
          + " entered\(place) with base \(hex(base)) and bound \(hex(bound)); the guest's region is"
          + " \(hex(UInt64(region.lowerBound))) to \(hex(UInt64(region.upperBound)))."
      }
      if level.longestSlice > Self.quantum {
        return "Equivalence holds, but not control: the guest was given the hardware\(place) for"
          + " \(level.longestSlice) instructions; \(Self.quantum) at most are allowed."
      }
    }
    if report.outside != layout.digestOutside(seed: seed) {
      return "Equivalence holds, but not control: the storage around the guest's region has changed."
    }
    return nil
  }

  private func map(_ report: MonitorReport) -> String? {
    if report.readOutside { return "A load from behind the end of a level's storage gave something." }
    if report.outside != layout.digestOutside(seed: seed) {
      return "A store behind the end of a level's storage has changed what is not its own."
    }
    return nil
  }

  private func hybrid(_ report: MonitorReport) -> String? {
    guard report.directSupervisor > 0 else { return nil }
    return
      "Equivalence holds, but this is no hybrid VMM: \(report.directSupervisor) instructions in virtual supervisor mode"
      + " ran directly on the hardware."
  }

  private func efficiency(_ report: MonitorReport) -> String? {
    let all = report.direct &+ report.emulated
    let share = all == 0 ? 0 : Double(report.direct) / Double(all)
    if let least = demands.direct, share < least {
      return
        "Equivalence holds, but not efficiency: \(report.direct) of \(all) instructions ran directly on the hardware;"
        + " the share must be \(least) at least."
    }
    if let least = demands.stretch, Double(report.emulated) < least * Double(report.stretches) {
      return
        "Equivalence holds, but \(report.stretches) stretches were needed to interpret \(report.emulated) instructions;"
        + " \(least) at a time, on the average, is what is asked."
    }
    return nil
  }

  /// Each trap that a single VMM sees comes to each level once: T traps make n × T arrivals on n levels.
  private func multiplication(_ report: MonitorReport) -> String? {
    let traps = Int(clamping: report.emulated &+ report.reflected)
    let counts = report.levels.map(\.traps)
    // A check stop is a trap that is neither emulated nor reflected.
    guard counts.allSatisfy({ (traps...traps + 1).contains($0) }) else {
      return
        "Equivalence holds, but traps do not multiply as they should: the guest has \(traps), and at the levels, the"
        + " lowest first, there arrive \(counts.map(String.init).joined(separator: ", "))."
    }
    let entries = report.levels.map(\.entries)
    let top = entries.last ?? 0
    guard entries.allSatisfy({ Double($0) <= 1.1 * Double(top) }) else {
      return
        "Equivalence holds, but the hardware is entered more often than need be: at the levels, the lowest first,"
        + " \(entries.map(String.init).joined(separator: ", ")) times; 1.1 times the highest is the limit."
    }
    return nil
  }
}
