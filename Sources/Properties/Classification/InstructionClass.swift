/// The ways in which an instruction can be sensitive, each in one mode of the processor.
///
/// `control`, `mode` and `location` are those of Popek and Goldberg (1974). Their machine has no interrupt
/// enable, clock or devices; `resource` says that the result depends on one of these.
public struct Sensitivity: OptionSet, Sendable, Hashable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// In supervisor mode it changes mode, relocation, interrupt state or a device, without a trap.
  public static let supervisorControl = Sensitivity(rawValue: 1)
  /// In user mode it does.
  public static let userControl = Sensitivity(rawValue: 2)
  /// It completes in both modes and its result depends on which.
  public static let mode = Sensitivity(rawValue: 4)
  /// In supervisor mode its result depends on relocation.
  public static let supervisorLocation = Sensitivity(rawValue: 8)
  /// In user mode it does.
  public static let userLocation = Sensitivity(rawValue: 16)
  /// In supervisor mode its result depends on interrupt state, time or a device.
  public static let supervisorResource = Sensitivity(rawValue: 32)
  /// In user mode it does.
  public static let userResource = Sensitivity(rawValue: 64)

  /// What makes an instruction *user*-sensitive (the paper's Theorem 3).
  public static let user: Sensitivity = [.userControl, .userLocation, .userResource]
  /// All kinds, in the order of tables.
  public static let all: [Sensitivity] = [
    .supervisorControl, .userControl, .mode, .supervisorLocation, .userLocation, .supervisorResource,
    .userResource,
  ]

  /// Names of the kinds it holds.
  public var names: [String] {
    let table: [(Sensitivity, String)] = [
      (.supervisorControl, "control in supervisor mode"), (.userControl, "control in user mode"),
      (.mode, "mode"), (.supervisorLocation, "location in supervisor mode"),
      (.userLocation, "location in user mode"), (.supervisorResource, "resource in supervisor mode"),
      (.userResource, "resource in user mode"),
    ]
    return table.filter { contains($0.0) }.map(\.1)
  }
}

/// What an instruction is in Popek and Goldberg's terms (1974, section 3).
public struct InstructionClass: Sendable, Equatable {
  /// Traps in user mode and does not in supervisor mode, memory traps aside.
  public var privileged = false
  /// In which ways it is sensitive.
  public var sensitivity: Sensitivity = []

  /// Changes mode, relocation, interrupt state or a device without a trap.
  public var controlSensitive: Bool {
    !sensitivity.isDisjoint(with: [.supervisorControl, .userControl])
  }
  /// Its result depends on the mode.
  public var modeSensitive: Bool { sensitivity.contains(.mode) }
  /// Its result depends on relocation.
  public var locationSensitive: Bool {
    !sensitivity.isDisjoint(with: [.supervisorLocation, .userLocation])
  }
  /// Its result depends on interrupt state, time or a device.
  public var resourceSensitive: Bool {
    !sensitivity.isDisjoint(with: [.supervisorResource, .userResource])
  }
  /// Its result depends on mode, relocation, interrupt state, a device or time.
  public var behaviourSensitive: Bool { modeSensitive || locationSensitive || resourceSensitive }
  /// Control- or behaviour-sensitive.
  public var sensitive: Bool { !sensitivity.isEmpty }
  /// Sensitive already in user mode.
  public var userSensitive: Bool { !sensitivity.isDisjoint(with: .user) }
  /// Not sensitive: may run directly without anybody's help.
  public var innocuous: Bool { !sensitive }

  /// An innocuous, unprivileged instruction.
  public init() {}
}

/// Whether a set of instructions is contained in the privileged ones.
public struct SubsetTest: Sendable, Equatable {
  /// The set, by numbers of definitions.
  public var set: [Int]
  /// Those of it that are not privileged.
  public var offenders: [Int]
  /// The set is a subset.
  public var holds: Bool { offenders.isEmpty }

  init(_ classes: [InstructionClass], where isMember: (InstructionClass) -> Bool) {
    set = classes.indices.filter { isMember(classes[$0]) }
    offenders = set.filter { !classes[$0].privileged }
  }
}

/// What the three theorems of the paper say of an instruction set.
public struct TheoremVerdicts: Sendable, Equatable {
  /// Numbers of the privileged instructions.
  public var privileged: [Int]
  /// Theorem 1: a virtual machine monitor may be constructed if the sensitive instructions are privileged.
  public var monitor: SubsetTest
  /// Of Theorem 2's second condition, a monitor without timing dependencies: what reads time or devices must
  /// come to the monitor, so that virtual time is all that the guest sees.
  public var timing: SubsetTest
  /// Theorem 3: a hybrid monitor may be constructed if the user-sensitive instructions are privileged.
  public var hybrid: SubsetTest

  /// Theorem 2: the machine is recursively virtualizable.
  public var isRecursive: Bool { monitor.holds && timing.holds }

  /// The verdicts on a set of classified instructions.
  public init(_ classes: [InstructionClass]) {
    privileged = classes.indices.filter { classes[$0].privileged }
    monitor = SubsetTest(classes) { $0.sensitive }
    timing = SubsetTest(classes) { $0.resourceSensitive }
    hybrid = SubsetTest(classes) { $0.userSensitive }
  }
}
