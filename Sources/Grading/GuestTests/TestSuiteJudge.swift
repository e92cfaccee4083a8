internal import MachineCore
public import Mutants
internal import Properties
internal import ToyISA
internal import Virtualizer

/// Runs a student's tests on correct machines and on wrong ones.
public struct TestSuiteJudge {
  /// A test that fails where nothing is wrong, or that is no test.
  public struct Alarm: Sendable {
    public var test: String
    /// The correct machine; `nil` when the test cannot be run at all.
    public var machine: GuestTest.Machine?
    public var text: String
  }

  /// Files that count.
  public static let testLimit = 24
  /// Instructions of all tests on all correct machines together.
  public static let instructionLimit: UInt64 = 100_000
  /// Instructions that a wrong machine may take beyond those of the correct one.
  public static let grace: UInt64 = 2_000

  /// Tests that are right on every machine that they name.
  public private(set) var tests: [GuestTest] = []
  public private(set) var alarms: [Alarm] = []
  /// What was left out.
  public private(set) var notes: [String] = []

  /// Reads tests and tries them on correct machines.
  ///
  /// - Parameter texts: the files by name.
  public init(_ texts: [String: String]) throws {
    let names = texts.keys.sorted()
    if names.count > Self.testLimit {
      notes.append("\(names.count) tests; only the first \(Self.testLimit) count")
    }
    var left = Self.instructionLimit
    for name in names.prefix(Self.testLimit) {
      do throws(SubmissionError) {
        let test = try GuestTest(texts[name] ?? "", file: name)
        if try !add(test, &left) {
          notes.append(
            "\(name) does not count: on correct machines all tests together may take \(Self.instructionLimit) instructions"
          )
        }
      } catch {
        alarms.append(Alarm(test: name, machine: nil, text: error.description))
      }
    }
  }

  /// Runs a test on its correct machines, and keeps it if it is right on all.
  ///
  /// - Returns: `false` when there are not enough instructions left for it.
  private mutating func add(_ test: GuestTest, _ left: inout UInt64) throws(SubmissionError) -> Bool {
    var found: [Alarm] = []
    var longest: UInt64 = 0
    for machine in test.machines {
      guard left > 0 else { return false }
      let limit = min(test.limit, left)
      let seen = try Self.run(test, limit: limit) { try Self.correct(machine, $0) }
      left -= min(seen.retired, left)
      if limit < test.limit, seen.retired >= limit { return false }
      longest = max(longest, seen.retired)
      if let text = seen.failure(test) {
        found.append(Alarm(test: test.name, machine: machine, text: text))
      }
    }
    alarms += found
    guard found.isEmpty else { return true }
    var kept = test
    kept.limit = min(test.limit, longest + Self.grace)
    tests.append(kept)
    return true
  }

  /// The machine that a wrong one is a wrong version of; `nil` if no test can run on it or see
  /// its fault.
  public static func machine(of mutant: Mutant) throws -> GuestTest.Machine? {
    guard mutant.isObservable, try mutant.workload().isa == "toy" else { return nil }
    switch mutant.twin {
    case .simulator: return .simulator
    case .emulator: return .emulator
    case .virtualizer: return mutant.makeTwin == nil ? .vmm : .hybrid
    }
  }

  /// Names of the tests that fail on a wrong machine.
  ///
  /// - Parameter all: not only the first.
  public func killers(of mutant: Mutant, all: Bool) throws -> [String] {
    guard let machine = try Self.machine(of: mutant) else { return [] }
    var result: [String] = []
    for test in tests where test.machines.contains(machine) {
      guard try Self.run(test, limit: test.limit, mutant.make).failure(test) != nil else { continue }
      result.append(test.name)
      if !all { break }
    }
    return result
  }

  private static func correct(_ machine: GuestTest.Machine, _ workload: Workload) throws -> any Engine {
    switch machine {
    case .simulator: try workload.makeEngine(.simulator)
    case .emulator: try workload.makeEngine(.emulator)
    case .vmm: try workload.makeEngine(.virtualizer)
    case .hybrid: try workload.makeEngine(.virtualizer, construction: .hybrid)
    }
  }

  private static func run(
    _ test: GuestTest, limit: UInt64, _ make: (Workload) throws -> any Engine
  ) throws(SubmissionError) -> GuestObservation {
    let workload = Workload(
      name: test.name,
      machine: .toy(
        test.image, ToyMachine(memorySize: GuestTest.storage, input: test.input), test.variant),
      instructionLimit: limit)
    do {
      return try GuestObservation(test, limit: limit, on: try make(workload))
    } catch {
      throw SubmissionError(description: "\(test.name): cannot be run: \(error)")
    }
  }
}
