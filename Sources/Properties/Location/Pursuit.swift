internal import MachineCore
internal import Trace

/// Machines that run side by side, from one common place to the next.
struct Pursuit {
  typealias Subject = DivergenceSearch.Subject

  /// How a pursuit ends.
  enum End {
    /// All came to the same end.
    case same
    /// All agreed as far as they could be followed, and why not further.
    case cut(String)
    /// They differ behind the last common place, at the next one; all are back at the last.
    case different
  }

  let search: DivergenceSearch
  let subjects: [Subject]
  let masks: [UInt64]
  let countsInstructions: Bool
  /// Instructions that may still retire, counted from the last common place.
  var left: UInt64
  /// What each machine's guest could see behind the difference, and when that was.
  private(set) var views: [GuestView] = []
  private(set) var clocks: [UInt64] = []
  /// How the first two that differ do so.
  private(set) var differences: [String] = []
  /// Accesses to devices up to the last common place.
  private(set) var accesses: UInt64 = 0
  private(set) var place: CommonPlace

  init(_ search: DivergenceSearch, _ subjects: [Subject], limit: UInt64) {
    self.search = search
    self.subjects = subjects
    countsInstructions = subjects.allSatisfy(\.counts)
    masks = GuestView.masks(search.workload, withHardware: !countsInstructions)
    left = limit
    place = CommonPlace(subjects)
  }

  /// Runs until the machines stop or differ; differences are narrowed to the shortest window.
  mutating func follow() throws -> End {
    let shortest = countsInstructions ? DivergenceSearch.window : 1
    var stretch = countsInstructions ? search.stride : 1
    var isNarrowing = false
    while true {
      report()
      let reached = try advance(stretch)
      views = subjects.map {
        GuestView($0.engine, stop: $0.stop, masks: masks, withTime: countsInstructions)
      }
      clocks = subjects.map(\.engine.platform.retired)
      let isSame = views.allSatisfy { $0 == views[0] }
      if isSame || isInside() {
        if subjects.contains(where: { $0.stop != nil }) { return isSame ? end() : try differ() }
        if isSame, subjects.allSatisfy({ $0.engine.snapshotObstacle == nil }) {
          left -= min(left, reached)
          accesses += subjects[0].engine.platform.accesses - subjects[0].accesses
          place = CommonPlace(subjects)
        }
        if countsInstructions, left == 0 { return .cut("the instruction limit was reached") }
        if !countsInstructions, !isNarrowing { stretch = min(stretch * 2, 1024) }
        continue
      }
      if let reason = cutShort() { return .cut(reason) }
      guard stretch > shortest else { return try differ() }
      try place.restore(subjects)
      isNarrowing = true
      stretch = max(shortest, stretch / 16)
    }
  }

  private func report() {
    let clock = subjects.first(where: \.counts)?.engine.platform.retired ?? 0
    search.progress("\(search.workload.name): equal up to instruction \(clock)")
  }

  /// Lets all machines run a stretch; how many instructions that were.
  private func advance(_ stretch: UInt64) throws -> UInt64 {
    var limits = search.limits
    var longest: UInt64 = 0
    for subject in subjects {
      let before = subject.engine.platform.retired
      if countsInstructions {
        limits.instructions = min(stretch, left)
        try subject.run(limits)
      } else {
        limits.instructions = left
        try subject.run(accesses: stretch, limits)
      }
      longest = max(longest, subject.engine.platform.retired - before)
    }
    if !countsInstructions { try catchUp() }
    return longest
  }

  /// A repeated instruction makes several accesses, and not every engine stops inside it.
  private func catchUp() throws {
    let most = subjects.map { $0.engine.platform.accesses - $0.accesses }.max() ?? 0
    for subject in subjects {
      let made = subject.engine.platform.accesses - subject.accesses
      if made < most, subject.stop == nil { try subject.run(accesses: most - made, search.limits) }
    }
  }

  /// Whether some of the machines are inside a repeated instruction, so that this is no common place.
  private func isInside() -> Bool {
    guard !countsInstructions else { return false }
    let counter = Int(subjects[0].engine.instructionSet.system.programCounter)
    return views.allSatisfy { $0.differsOnlyIn(counter, views[0]) }
  }

  private func end() -> End {
    cutShort().map { .cut($0) } ?? .same
  }

  /// Why a machine ended that is no matter of the guest.
  private func cutShort() -> String? {
    for subject in subjects {
      let name = subject.kind.rawValue
      switch subject.stop {
      case .limit: return "equal until the \(name) reached the instruction limit"
      case .hostTimeLimit: return "equal until the \(name) reached its limit of host time"
      case .hostFailure(let text): return "equal until the \(name) failed: \(text)"
      case .unsupported(let instruction): return "equal until the \(name) stopped: \(instruction)"
      case .recorderFailed(let text): return text
      default: continue
      }
    }
    return nil
  }

  private mutating func differ() throws -> End {
    if let other = views.indices.first(where: { views[$0] != views[0] }) {
      differences = StateDifference.lines(subjects[0].engine, subjects[other].engine, masks: masks)
    }
    try place.restore(subjects)
    return .different
  }
}

/// A place in the run where all machines agreed.
struct CommonPlace {
  private let storage: [UInt8]
  private let moments: [EngineMoment]
  /// Instructions retired, by a machine that counts them.
  let clock: UInt64

  init(_ subjects: [DivergenceSearch.Subject]) {
    let platform = subjects[0].engine.platform
    storage = (try? platform.memory.read(0..<platform.memory.size)) ?? []
    moments = subjects.map { EngineMoment($0.engine) }
    clock = subjects.first(where: \.counts)?.engine.platform.retired ?? 0
    for subject in subjects { subject.accesses = subject.engine.platform.accesses }
  }

  /// Puts all machines back here.
  func restore(_ subjects: [DivergenceSearch.Subject]) throws {
    for (subject, moment) in zip(subjects, moments) {
      try moment.restore(subject.engine, storage: storage)
      subject.accesses = subject.engine.platform.accesses
      subject.stop = nil
    }
  }

  /// Puts another machine of the same kind of guest here.
  ///
  /// - Parameter index: of the machine whose state it takes.
  func place(_ subject: DivergenceSearch.Subject, like index: Int) throws {
    try moments[index].restore(subject.engine, storage: storage)
    subject.accesses = subject.engine.platform.accesses
    subject.stop = nil
  }
}
