import Debugger
import MachineCore
import Testing
import X86Backend

/// Streams of damaged packets, from a printed seed.
@Suite struct RemoteFuzzTests {
  private static let words = [
    "?", "g", "G00", "p0", "p10", "pffffffffffffffff", "P0=00", "P10=0000100000000000", "m7c00,10",
    "m0,ffffffffffffffff",
    "mffffffffffffffff,20", "M7c00,2:9090", "M7c00,ffffffffffffffff:00", "X7c00,1:a", "Z0,7c05,1",
    "Z1,7c07,1",
    "Z2,7c00,4", "Z3,7c00,8", "Z4,0,1", "Z2,ffffffffffffffff,8", "Z9,0,0", "z0,7c05,1", "z2,7c00,4", "Z0,,",
    "vCont?",
    "vCont;s:1;c", "vCont;c", "vCont;", "vCont;t", "s", "c", "s7c00", "cffffffffffffffff", "C05;7c00", "S05",
    "bs", "bc",
    "b", "qSupported:swbreak+", "qXfer:features:read:target.xml:0,1000",
    "qXfer:features:read:target.xml:ffffffffffffffff,1",
    "qXfer:features:read:x:0,0", "qRcmd,6578697473", "qRcmd,77616c6b2030", "qRcmd,7472616365206f6e", "qRcmd,",
    "qRcmd,6",
    "Hg0", "Hc-1", "T1", "qC", "qfThreadInfo", "vMustReplyEmpty", "!", "", "vFile:open", "QStartNoAckMode",
  ]

  /// A thousand streams neither end the run nor leave the stub without an answer.
  @Test func fuzzedStreams() throws {
    let seed: UInt64 = 20_261_121
    print("packet fuzz seed \(seed)")
    var random = SplitMix(state: seed)
    var last = try PacketClient("real16", memory: 2 << 20)
    for stream in 0..<1000 {
      let client =
        stream % 100 == 0
        ? try PacketClient(["real16", "protected32"][stream / 100 % 2], memory: 2 << 20) : last
      last = client
      // A run goes on for a slice at most.
      client.stub.poll = { [0x03] }
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        var packet = PacketReader.packet(Array(Self.words.randomElement(using: &random)!.utf8))
        switch UInt8.random(in: 0...9, using: &random) {
        case 0:
          packet[Int.random(in: packet.indices, using: &random)] = UInt8.random(
            in: .min ... .max, using: &random)
        case 1: packet.remove(at: Int.random(in: packet.indices, using: &random))
        case 2:
          packet.insert(contentsOf: [0x7D, 0x24, 0x23, 0x03].shuffled(using: &random), at: packet.count / 2)
        case 3: packet = (0..<40).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        case 4:
          let data = (0..<Int.random(in: 0...40, using: &random)).map { _ in
            UInt8.random(in: 0x20...0x7E, using: &random)
          }
          packet = PacketReader.packet(data)
        default: break
        }
        bytes += packet
      }
      client.send(bytes)
      // A packet may happen to ask for the end; every other stream leaves a machine that answers.
      guard client.stub.state == .attached else {
        last = try PacketClient("real16", memory: 2 << 20)
        continue
      }
      client.send(Array("#00".utf8))
      let answer = client.ask("?")
      #expect(answer.hasPrefix("T"), "stream \(stream) of seed \(seed): \(answer)")
    }
  }
}
