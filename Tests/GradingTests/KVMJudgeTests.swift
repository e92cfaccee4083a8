import Foundation
import Grading
import MachineCore
import Testing

/// What the grader makes of a program's calls to KVM: the right ones accepted, each class of wrong ones not.
@Suite struct KVMJudgeTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Labs/Lab08")

  private static let names =
    ((try? FileManager.default.contentsOfDirectory(
      atPath: folder.appendingPathComponent("recordings").path)) ?? []).sorted()

  private static func script(_ name: String) throws -> KVMScript {
    let file = folder.appendingPathComponent("recordings/\(name)")
    return try KVMScript(String(contentsOf: file, encoding: .utf8))
  }

  private static func event(_ json: String) throws -> KVMEvent {
    try #require(KVMEvent.events(Data(json.utf8)).first, "\(json)")
  }

  /// What a program writes that does all as it must in a recorded run.
  private static func perfect(_ script: KVMScript) throws -> [KVMEvent] {
    var events = try [
      #"{"call":"open","path":"/dev/kvm","result":3}"#,
      #"{"call":"KVM_GET_API_VERSION","on":"kvm","argument":0,"result":12}"#,
      #"{"call":"KVM_CREATE_VM","on":"kvm","argument":0,"result":4}"#,
      #"{"call":"mmap","on":"memory","size":524288,"result":0}"#,
      #"{"call":"KVM_SET_USER_MEMORY_REGION","on":"vm","slot":0,"guest":0,"size":524288,"room":524288,"result":0}"#,
      #"{"call":"KVM_CREATE_VCPU","on":"vm","argument":0,"result":5}"#,
      #"{"call":"KVM_GET_VCPU_MMAP_SIZE","on":"kvm","argument":0,"result":12288}"#,
      #"{"call":"mmap","on":"vcpu","size":12288,"result":0}"#,
      """
      {"call":"KVM_SET_SREGS","on":"vcpu","cs":[0,65535,0,11,1,0,0,1,0,0],"ds":[0,65535,0,3,1,0,0,1,0,0],\
      "es":[0,65535,0,3,1,0,0,1,0,0],"ss":[0,65535,0,3,1,0,0,1,0,0],"cr0":1610612752,"result":0}
      """,
      #"{"call":"KVM_SET_REGS","on":"vcpu","rip":4096,"rflags":2,"result":0}"#,
    ].map(event)
    var devices = KVMDevices(input: script.input)
    var answer: [UInt8]?
    for (number, exit) in script.exits.enumerated() {
      var run = try event(#"{"call":"KVM_RUN","on":"vcpu","argument":0,"result":0}"#)
      if number == 0 { run.image = hexString(script.image) }
      run.answer = answer.map { hexString($0) }
      answer = nil
      switch exit {
      case .interrupted: (run.result, run.errno) = (-1, 4)
      case .port(let isOut, let port, let size, let count, let data):
        (run.exit, run.direction, run.port) = (2, isOut ? "out" : "in", port)
        (run.size, run.count, run.data) = (UInt64(size), UInt64(count), isOut ? hexString(data) : nil)
      case .memory(let isWrite, let address, let size, let data):
        (run.exit, run.direction, run.address) = (6, isWrite ? "write" : "read", address)
        (run.size, run.data) = (UInt64(size), isWrite ? hexString(data) : nil)
      case .halted: run.exit = 5
      case .shutdown: run.exit = 8
      case .failedEntry(let reason): (run.exit, run.reason) = (9, reason)
      case .internalError(let reason): (run.exit, run.reason) = (17, reason)
      case .other(let reason): run.exit = reason
      }
      events.append(run)
      let expected = devices.handle(exit)
      answer = expected.answer
      for byte in expected.shown { events.append(try event(#"{"call":"terminal","byte":\#(byte)}"#)) }
      if let end = exit.end {
        var last = try event(#"{"end":"\#(end.name)"}"#)
        last.reason = end.reason
        events.append(last)
      }
    }
    return events
  }

  @Test func thereAreRecordingsWithTheirSource() throws {
    #expect(Self.names.count >= 25)
    for name in Self.names {
      let script = try Self.script(name)
      #expect(script.text.hasPrefix("# Recorded by") || script.text.hasPrefix("# Not from a run"), "\(name)")
      #expect(!script.exits.isEmpty && script.image.count > 8 && script.memorySize == 1 << 19, "\(name)")
    }
  }

  /// Recordings of KVM, the grader's devices, and Triad's emulator say the same.
  @Test(arguments: Self.names.filter { $0.contains("-") && $0 != "internal-error.txt" })
  func recordingsAgreeWithTheEmulator(_ name: String) throws {
    let script = try Self.script(name)
    guard script.refusedCall == nil, script.exits.last == .halted else { return }
    var devices = KVMDevices(input: script.input)
    let shown = script.exits.flatMap { devices.handle($0).shown }
    #expect(try script.emulated() == shown)
    #expect(shown.last == 10)
  }

  @Test(arguments: Self.names)
  func whatIsRightIsAccepted(_ name: String) throws {
    let script = try Self.script(name)
    guard script.refusedCall == nil else { return }
    let judge = KVMJudge(script, try Self.perfect(script))
    #expect(judge.runLack == nil)
    guard script.mode == "real" else { return }
    #expect(judge.steps.allSatisfy { $0.lack == nil }, "\(judge.steps)")
  }

  @Test func wrongRunsAreNot() throws {
    for name in ["echo-1.txt", "strings-1.txt", "screen-1.txt", "interrupted-2.txt", "shutdown.txt"] {
      let script = try Self.script(name)
      let right = try Self.perfect(script)
      func rejects(_ what: String, _ change: (inout [KVMEvent]) throws -> Void) rethrows {
        var events = right
        try change(&events)
        #expect(events != right, "\(name): \(what) changes nothing")
        #expect(KVMJudge(script, events).runLack != nil, "\(name): \(what)")
      }
      rejects("no end") { $0.removeLast() }
      rejects("another end") { $0[$0.count - 1].end = "unexpected" }
      try rejects("KVM_RUN after the end") {
        $0.insert(try Self.event(#"{"call":"KVM_RUN","result":0,"exit":5}"#), at: $0.count - 1)
      }
      rejects("nothing at all") { $0 = [] }
      rejects("only a claim") { $0 = [$0[$0.count - 1]] }
      let first = try #require(right.firstIndex { $0.image != nil })
      rejects("an exit is left out") { $0.remove(at: first) }
      if let place = right.firstIndex(where: { $0.call == "terminal" }) {
        rejects("a byte is not shown") { $0.remove(at: place) }
        rejects("a byte is shown twice") { $0.insert($0[place], at: place) }
        rejects("another byte is shown") { $0[place].byte = $0[place].byte.map { $0 ^ 1 } }
        rejects("a byte is shown before") { $0.swapAt(place, place - 1) }
      }
      if let place = right.firstIndex(where: { $0.answer != nil }) {
        rejects("another answer") { $0[place].answer = "00" + ($0[place].answer ?? "").dropFirst(2) }
        rejects("no answer") { $0[place].answer = nil }
      }
    }
  }

  @Test func refusalsMustBeTaken() throws {
    for (name, call) in [("old-version.txt", "KVM_GET_API_VERSION"), ("busy.txt", "KVM_CREATE_VM")] {
      let script = try Self.script(name)
      #expect(script.refusedCall == call)
      let refused = try Self.event(#"{"call":"\#(call)","on":"kvm","result":-1}"#)
      let end = try Self.event(#"{"end":"hostFailure","text":"no"}"#)
      #expect(KVMJudge(script, [refused, end]).runLack == nil)
      #expect(KVMJudge(script, [end]).runLack != nil)
      #expect(KVMJudge(script, [refused]).runLack != nil)
      let more = try Self.event(#"{"call":"KVM_CREATE_VCPU","on":"vm","result":5}"#)
      #expect(KVMJudge(script, [refused, more, end]).runLack != nil)
      #expect(KVMJudge(script, [refused, try Self.event(#"{"end":"halted"}"#)]).runLack != nil)
    }
  }

  @Test func eachStepIsJudgedForItself() throws {
    let script = try Self.script("hello-1.txt")
    let right = try Self.perfect(script)
    let registers = try #require(right.firstIndex { $0.call == "KVM_SET_REGS" })
    let region = try #require(right.firstIndex { $0.call == "KVM_SET_USER_MEMORY_REGION" })
    let page = try #require(right.firstIndex { $0.call == "mmap" && $0.on == "vcpu" })
    let system = try #require(right.firstIndex { $0.call == "KVM_SET_SREGS" })
    let run = try #require(right.firstIndex { $0.call == "KVM_RUN" })
    let changes: [(Int, (inout [KVMEvent]) -> Void)] = [
      (0, { $0.swapAt(1, 2) }), (0, { $0[2].argument = 1 }), (0, { $0.remove(at: 1) }),
      (1, { $0[region].size = 4096 }), (1, { $0[region].guest = 4096 }), (1, { $0[region].room = 0 }),
      (1, { $0[run].image = "00" }), (2, { $0[page].size = 4096 }), (2, { $0[page].result = -1 }),
      (3, { $0[registers].rip = 0 }), (3, { $0[registers].rflags = 0x102 }),
      (3, { $0[system].cs?[0] = 0xFFFF_0000 }), (3, { $0[system].ds?[2] = 8 }), (3, { $0[system].cr0 = 1 }),
      (3, { $0.remove(at: system) }),
    ]
    for (number, (step, change)) in changes.enumerated() {
      var events = right
      change(&events)
      let lacks = KVMJudge(script, events).steps.map { $0.lack != nil }
      #expect(lacks == (0..<4).map { $0 == step }, "change \(number)")
    }
    // More queries than needed do no harm.
    var events = right
    events.insert(
      try Self.event(#"{"call":"KVM_CHECK_EXTENSION","on":"kvm","argument":3,"result":1}"#), at: 2)
    #expect(KVMJudge(script, events).steps.allSatisfy { $0.lack == nil })
  }

  @Test(arguments: ["hello", "echo", "wide", "strings", "screen", "protected"])
  func guestsDifferBySeed(_ name: String) throws {
    let program = Array(
      try Data(contentsOf: Self.folder.appendingPathComponent("guests/\(name).bin")))
    let texts = try (UInt64(0)..<5).map { seed -> [UInt8] in
      let script = try KVMScript(guest: name, program: program, seed: seed)
      #expect(script.exits.isEmpty)
      return try #require(try script.emulated(), "seed \(seed)")
    }
    #expect(Set(texts).count == 5)
  }

  @Test func outputThatIsNoEventsEndsTheStream() {
    let text = "{\"end\":\"halted\"}\nhello\n{\"end\":\"halted\"}\n"
    #expect(KVMEvent.events(Data(text.utf8)).count == 1)
    #expect(KVMEvent.events(Data([0xFF, 0xFE, 10])).isEmpty)
  }
}
