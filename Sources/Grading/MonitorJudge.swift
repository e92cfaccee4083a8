package import Foundation
internal import MachineCore
package import Properties
internal import ToyISA
package import Trace
internal import X86Backend

/// Decides from the trace of a guest under a student's VMM whether the VMM has the three properties of the paper:
/// equivalence, resource control, efficiency.
package struct MonitorJudge {
  package var workload: Workload
  package var level: TraceLevel
  package var layout: MonitorLayout
  /// Of what is in storage around the guest.
  package var seed: UInt64
  /// The levels are to be asked for what is behind the end of their storage.
  package var isProbing: Bool
  package var needsControl: Bool
  /// The least share of instructions that must run directly.
  package var leastDirect: Double?
  package var reproduction: String

  /// The longest slice that a VMM may give its guest, in instructions; `VirtualMachine.quantum` of the labs' frame.
  package static let quantum: UInt64 = 10_000

  package init(
    workload: Workload, level: TraceLevel, layout: MonitorLayout, seed: UInt64, isProbing: Bool,
    needsControl: Bool, leastDirect: Double?, reproduction: String
  ) {
    self.workload = workload
    self.level = level
    self.layout = layout
    self.seed = seed
    self.isProbing = isProbing
    self.needsControl = needsControl
    self.leastDirect = leastDirect
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
      + " \(isProbing ? 1 : 0) \(layout.text) \(machine.input.count) \(machine.disk.count)\n"
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
    return (needsControl ? control(report) : nil) ?? (isProbing ? map(report) : nil) ?? efficiency(report)
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

  private func efficiency(_ report: MonitorReport) -> String? {
    guard let leastDirect else { return nil }
    let all = report.direct &+ report.emulated
    let share = all == 0 ? 0 : Double(report.direct) / Double(all)
    guard share < leastDirect else { return nil }
    return
      "Equivalence holds, but not efficiency: \(report.direct) of \(all) instructions ran directly on the hardware;"
      + " the share must be \(leastDirect) at least."
  }
}
