import Debugger
import Foundation
import MachineCore
import Properties
import Testing
import X86Backend

/// A client of the remote protocol that says what a script says.
final class PacketClient {
  let session: DebugSession
  let stub: RemoteStub
  private(set) var sent: [UInt8] = []
  /// What the last command had to say.
  private(set) var texts = ""
  private var reader = PacketReader()

  init(_ name: String, _ kind: EngineKind = .emulator, memory: Int = 8 << 20) throws {
    let workload = try DebuggedPrograms.x86(name, memory: memory)
    session = try DebuggedPrograms.session(workload, kind)
    stub = try RemoteStub(session)
    stub.send = { [unowned self] in sent += $0 }
  }

  /// Sends a command; the answer, and texts for the console before it.
  func ask(_ command: String) -> String {
    sent = []
    stub.receive(PacketReader.packet(Array(command.utf8)))
    let answers = packets()
    texts = answers.filter { $0.hasPrefix("O") && $0 != "OK" }.map { Self.text($0.dropFirst()) }.joined()
    return answers.last ?? ""
  }

  private static func text(_ digits: Substring) -> String {
    let digits = Array(digits)
    let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  func packets() -> [String] {
    var found: [String] = []
    for byte in sent {
      if case .packet(let data) = reader.take(byte) { found.append(String(decoding: data, as: UTF8.self)) }
    }
    return found
  }

  func send(_ bytes: [UInt8]) {
    sent = []
    stub.receive(bytes)
  }

  /// The value of a register, by gdb's number of it.
  func register(_ number: Int) -> UInt64? {
    let digits = Array(ask("p" + String(number, radix: 16)))
    var value: UInt64 = 0
    for index in stride(from: digits.count - 2, through: 0, by: -2) {
      guard let byte = UInt8(String(digits[index...(index + 1)]), radix: 16) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    return value
  }
}

@Suite struct RemoteStubTests {
  private static let programs: [(name: String, pc: Int, digits: Int)] = [
    // Eight or sixteen general registers, pc and flags, six segments, x87, and fifteen of the system.
    ("real16", 8, (8 + 2 + 6 + 8 + 15) * 8 + 8 * 20), ("protected32", 8, (8 + 2 + 6 + 8 + 15) * 8 + 8 * 20),
    ("long64", 16, 17 * 16 + (1 + 6 + 8) * 8 + 8 * 20 + 15 * 16),
  ]

  @Test(arguments: programs)
  func openingOfASession(_ program: (name: String, pc: Int, digits: Int)) throws {
    let client = try PacketClient(program.name)
    #expect(client.ask("qSupported:multiprocess+;swbreak+;hwbreak+").contains("ReverseStep+"))
    #expect(client.ask("vMustReplyEmpty") == "")
    #expect(client.ask("QStartNoAckMode") == "OK")
    #expect(client.ask("Hg0") == "OK")
    var document = ""
    while true {
      let part = client.ask("qXfer:features:read:target.xml:\(String(document.utf8.count, radix: 16)),200")
      document += part.dropFirst()
      if part.hasPrefix("l") { break }
      #expect(part.hasPrefix("m"))
    }
    #expect(document.contains("st7") && document.hasSuffix("</target>\n"))
    #expect(
      document.contains(
        program.name == "long64" ? "i386:x86-64" : program.name == "real16" ? "i8086" : "i386"))
    #expect(client.ask("?") == "T05thread:01;")
    #expect(client.ask("qfThreadInfo") == "m1")
    #expect(client.ask("g").count == program.digits)
    #expect(client.register(program.pc) == client.session.codeAddress)
    #expect(client.ask("vCont?") == "vCont;c;C;s;S")
    #expect(client.ask("qNothingOfOurs") == "")
  }

  @Test(arguments: programs)
  func stepsAndBack(_ program: (name: String, pc: Int, digits: Int)) throws {
    let client = try PacketClient(program.name)
    let start = client.ask("g")
    #expect(client.ask("vCont;s:1;c") == "T05thread:01;")
    let first = client.ask("g")
    #expect(first != start)
    #expect(client.ask("s") == "T05thread:01;")
    #expect(client.ask("bs") == "T05thread:01;")
    #expect(client.ask("g") == first)
    #expect(client.ask("bs") == "T05thread:01;")
    #expect(client.ask("g") == start)
    #expect(client.ask("bs") == "T05replaylog:begin;thread:01;")
    #expect(client.ask("bc") == "T05replaylog:begin;thread:01;")
    #expect(client.ask("vCont;c") == "W01")
    #expect(client.stub.state == .exited)
  }

  @Test(arguments: ["protected32", "long64"])
  func breakpointsOnEveryEngine(_ name: String) throws {
    let workload = try DebuggedPrograms.x86(name)
    let address = try #require(workload.symbolAddress(name == "long64" ? "reloaded" : "kernel_main"))
    var seen: [String] = []
    for kind in DebuggedPrograms.kinds(workload) {
      let client = try PacketClient(name, kind)
      #expect(client.ask("qSupported:swbreak+") != "")
      #expect(client.ask("Z0,\(String(address, radix: 16)),1") == "OK")
      #expect(client.ask("vCont;c") == "T05swbreak:;thread:01;")
      seen.append(String(client.ask("g").prefix(160)))
      #expect(client.ask("vCont;s:1") == "T05thread:01;")
      #expect(client.ask("bs") == "T05thread:01;", "\(kind)")
      #expect(String(client.ask("g").prefix(160)) == seen[0], "\(kind)")
      #expect(client.ask("z0,\(String(address, radix: 16)),1") == "OK")
      #expect(client.session.breakpoints.isEmpty)
    }
    #expect(Set(seen).count == 1)
  }

  @Test func watchpoints() throws {
    let client = try PacketClient("protected32")
    _ = client.ask("qSupported:hwbreak+")
    let client2 = try PacketClient("protected32")
    // The first push of the program.
    var stack = client2.session.stackPointer
    while client2.session.stackPointer >= stack {
      stack = client2.session.stackPointer
      #expect(try client2.session.step() == .stepped)
    }
    let place = String(client2.session.stackPointer, radix: 16)
    #expect(client.ask("Z2,\(place),4") == "OK")
    #expect(client.ask("c") == "T05watch:\(place);thread:01;")
    #expect(client.session.position == client2.session.position)
    #expect(client.ask("bc") == "T05watch:\(place);thread:01;")
    #expect(client.ask("z2,\(place),4") == "OK")
    #expect(client.ask("Z4,\(place),4") == "OK")
    #expect(client.ask("c") == "T05awatch:\(place);thread:01;")
  }

  @Test func memoryAndRegisters() throws {
    let client = try PacketClient("long64")
    #expect(client.ask("m100000,4").count == 8)
    #expect(client.ask("mffffffffffff0000,4") == "E14")
    #expect(client.ask("M90000,4:01020304") == "OK")
    #expect(client.ask("m90000,4") == "01020304")
    #expect(client.ask("M90000,4:0102") == "E01")
    #expect(client.ask("X90000,2:#z") == "OK")
    #expect(client.ask("m90000,2") == "237a")
    #expect(client.ask("P0=8877665544332211") == "OK")
    #expect(client.register(0) == 0x1122_3344_5566_7788)
    let all = client.ask("g")
    #expect(client.ask("G" + all) == "OK")
    #expect(client.ask("G" + all.dropLast()) == "E01")
    #expect(
      client.ask("P12=2b000000") == "E01", "a selector in protected mode hangs together with its descriptor")
    #expect(client.ask("pfff") == "E01")
    // Nothing before a change by hand can be gone back to.
    #expect(client.ask("bs") == "T05replaylog:begin;thread:01;")
  }

  @Test func monitorCommands() throws {
    let client = try PacketClient("long64")
    func monitor(_ text: String) -> String {
      let digits = text.utf8.map { String(Int($0) + 256, radix: 16).dropFirst() }.joined()
      #expect(client.ask("qRcmd," + digits) == "OK")
      return client.texts
    }
    #expect(monitor("exits").contains("0 instructions"))
    #expect(monitor("walk 0x100000").contains("physical 0x100000"))
    #expect(monitor("walk rip + 4").contains("physical 0x100004"))
    #expect(monitor("trace on").contains("kept"))
    #expect(client.ask("s") == "T05thread:01;")
    #expect(monitor("trace").contains("0x100000"))
    #expect(monitor("trace off").contains("no longer"))
    #expect(monitor("help").contains("monitor walk"))
    for mistake in ["walk", "walk nothing", "trace sideways", "x"] {
      #expect(monitor(mistake).hasPrefix("error: "), "\(mistake)")
    }
    #expect(client.ask("qRcmd,6g") == "E01")
  }

  @Test func interruptsARun() throws {
    let client = try PacketClient("long64")
    var polls = 0
    client.stub.poll = {
      polls += 1
      return polls == 1 ? [] : [0x03]
    }
    #expect(client.ask("vCont;c") == "T02thread:01;")
    #expect(client.ask("?") == "T02thread:01;")
    client.stub.poll = { nil }
    #expect(client.ask("c") == "T02thread:01;", "a connection that is gone ends the run")
  }

  @Test func acknowledgements() throws {
    let client = try PacketClient("real16")
    client.send(Array("$?#3f".utf8))
    #expect(client.sent.first == UInt8(ascii: "+"))
    let answer = Array(client.sent.dropFirst())
    client.send([UInt8(ascii: "-")])
    #expect(client.sent == answer, "the answer is repeated")
    client.send(Array("$?#00".utf8))
    #expect(client.sent == [UInt8(ascii: "-")])
    client.send(Array("$c#xx$qC$?#3f".utf8))
    #expect(client.packets().last == "T05thread:01;")
    client.send(PacketReader.packet(Array("D".utf8)))
    #expect(client.stub.state == .detached)
  }

  /// A socket at which another run waits is not taken away from it; one that a run left behind is.
  @Test func socketsInTheFileSystem() throws {
    let path = FileManager.default.temporaryDirectory.path + "/gdb-\(UUID().uuidString)"
    var first: GDBServer? = try GDBServer(.unix(path: path))
    #expect(first?.target == path)
    #expect(throws: EngineRefusal.self) { _ = try GDBServer(.unix(path: path)) }
    #expect(FileManager.default.fileExists(atPath: path))
    first = nil
    #expect(!FileManager.default.fileExists(atPath: path))
    #expect(throws: EngineRefusal.self) { _ = try GDBServer(.unix(path: "/nowhere/\(UUID().uuidString)")) }
  }

  @Test func toyGuestsAreRefused() throws {
    let session = try DebuggedPrograms.session(try DebuggedPrograms.toy("hello"))
    #expect(throws: EngineRefusal.self) { try RemoteStub(session) }
  }
}
