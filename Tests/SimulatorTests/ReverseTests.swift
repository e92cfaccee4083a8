import MachineCore
import Simulator
import Testing
import ToyISA
import Trace

/// Forward and back.
@Suite struct ReverseTests {
  /// Everything there is to compare about a machine.
  private struct Picture: Equatable {
    var state: ProcessorState
    var memory: UInt64
    var platform: Platform.State
    var console: [UInt8]
    var retired: UInt64

    init(_ evaluator: Evaluator) {
      state = evaluator.state
      memory = Digest.of(
        (try? evaluator.platform.memory.read(0..<evaluator.platform.memory.size)) ?? [])
      platform = evaluator.platform.save()
      console = evaluator.platform.console
      retired = evaluator.statistics.retired
    }
  }

  /// The guest does what it was written for; else the other tests prove nothing.
  @Test func guestIsBusy() throws {
    let evaluator = try makeBusyMachine()
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: .events) { records += $0 }
    #expect(try evaluator.run(RunLimits(instructions: 100_000), into: recorder) == .powerOff(status: 32))
    recorder.flush()
    let causes = records.filter { $0.eventKind == .trap || $0.eventKind == .interrupt }.map(\.code)
    for cause in [ToyCause.bounds, .supervisorCall, .timer, .disk] {
      #expect(causes.contains(cause.rawValue))
    }
    #expect(evaluator.platform.idle > 0)
    #expect(evaluator.platform.memory.load(0x6000, width: 2) == 0x0700)
    #expect(!evaluator.platform.console.isEmpty)
  }

  @Test func backAndForthAgain() throws {
    let evaluator = try makeBusyMachine()
    evaluator.historyLimit = 100_000
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: .instructions) { records += $0 }
    var pictures: [Int: Picture] = [0: Picture(evaluator)]
    var steps = 0
    var end: StopReason?
    while end == nil {
      end = evaluator.step(into: recorder)
      if end == nil { steps += 1 }
      if steps % 97 == 0 { pictures[steps] = Picture(evaluator) }
    }
    recorder.flush()
    let last = Picture(evaluator)
    let first = records
    #expect(end == .powerOff(status: 32))
    #expect(steps > 1000)
    var left = steps
    while evaluator.stepBack() {
      left -= 1
      if let picture = pictures[left] {
        #expect(Picture(evaluator) == picture, "\(left) steps from the start")
      }
    }
    #expect(left == 0)
    #expect(Picture(evaluator) == pictures[0])
    #expect(!evaluator.stepBack())
    records = []
    #expect(try evaluator.run(RunLimits(), into: recorder) == end)
    recorder.flush()
    #expect(records == first)
    #expect(Picture(evaluator) == last)
  }

  /// A walk with a fixed seed: every place looks the same whenever it is visited.
  @Test func randomWalk() throws {
    let evaluator = try makeBusyMachine()
    evaluator.historyLimit = 5000
    var seed: UInt64 = 0x5EED
    var place = 0
    var seen: [Int: Picture] = [0: Picture(evaluator)]
    for _ in 0..<60 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let distance = Int(seed >> 33) % 120
      for _ in 0..<distance {
        if seed >> 62 == 0 {
          if evaluator.stepBack() { place -= 1 }
        } else if evaluator.step() == nil {
          place += 1
        }
      }
      let picture = Picture(evaluator)
      if let old = seen[place] { #expect(picture == old, "step \(place)") }
      seen[place] = picture
    }
    #expect(place > 200)
    while place > 0, evaluator.stepBack() { place -= 1 }
    #expect(Picture(evaluator) == seen[0])
  }

  /// Steps of a whole run can be taken back one by one, too; the history has its limit.
  @Test func historyIsBounded() throws {
    let evaluator = try makeBusyMachine()
    #expect(!evaluator.stepBack())
    evaluator.historyLimit = 100
    _ = try evaluator.run(RunLimits(instructions: 1000), into: nil)
    var back = 0
    while evaluator.stepBack() { back += 1 }
    #expect((100...200).contains(back))
    evaluator.historyLimit = 0
    _ = try evaluator.run(RunLimits(instructions: 10), into: nil)
    #expect(!evaluator.stepBack())
  }

  /// A run cut into pieces, at any level, is the same run.
  @Test(arguments: [TraceLevel.events, .instructions]) func piecewise(level: TraceLevel) throws {
    var records: [TraceRecord] = []
    let recorder = TraceRecorder(level: level) { records += $0 }
    let whole = try makeBusyMachine()
    let reason = try whole.run(RunLimits(), into: recorder)
    recorder.flush()
    let expected = records
    records = []
    let pieces = try makeBusyMachine()
    var size: UInt64 = 1
    while true {
      let stop = try pieces.run(RunLimits(instructions: size), into: recorder)
      guard stop == .limit else {
        #expect(stop == reason)
        break
      }
      size = size % 61 + 7
    }
    recorder.flush()
    #expect(records == expected)
    #expect(Picture(pieces) == Picture(whole))
    // Without a trace the machine does the same.
    let plain = try makeBusyMachine()
    #expect(try plain.run(RunLimits(), into: nil) == reason)
    #expect(Picture(plain) == Picture(whole))
  }
}
