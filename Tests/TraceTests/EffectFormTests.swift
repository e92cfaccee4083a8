import Testing
import Trace

/// The short form of effects says exactly what the convention says, and everything else is written out.
@Suite struct EffectFormTests {
  static let head = TraceRecord(.retire, mode: 3, cpu: 2, clock: 9, pc: 0x40, address: 0x44)
  static let canonical = [
    head,
    TraceRecord(.memoryRead, mode: 3, cpu: 2, clock: 9),
    TraceRecord(.memoryWrite, mode: 3, cpu: 2, clock: 9, address: 8, value: 7, aux: 4),
    TraceRecord(.registerWrite, mode: 3, cpu: 2, code: 3, clock: 9),
    TraceRecord(.registerWrite, mode: 3, cpu: 2, code: 4, clock: 9, value: 1),
  ]

  /// The line of the event, after a check that it can be read back.
  private func line(_ records: [TraceRecord]) throws -> String {
    let bytes = try Samples.write(records, as: .json)
    #expect(try Samples.read(bytes).records == records)
    return String(try #require(Samples.text(bytes).split(separator: "\n").dropFirst().first))
  }

  @Test func canonicalEffectsAreShort() throws {
    let text = try line(Self.canonical)
    let effects = ##"""
      ,"mem":[["r","0x0",0,"0x0"],["w","0x8",4,"0x7"]],"regs":{"r3":"0x0","r4":"0x1"}}
      """##
    #expect(text.hasSuffix(effects))
    #expect(!text.contains("\"fx\""))
  }

  @Test func everyRegisterOfAFinalEventIsInOneObject() throws {
    let registers = (0..<17).map { TraceRecord(.registerWrite, cpu: 1, code: $0, clock: 5) }
    let text = try line([TraceRecord(.final, cpu: 1, clock: 5)] + registers)
    #expect(text.contains(",\"regs\":{\"r0\":\"0x0\",\"r1\":\"0x0\""))
    #expect(text.hasSuffix(",\"psw\":\"0x0\"}}"))
  }

  @Test func theWriteFlagOfAHeadIsNotAnEffects() throws {
    var head = TraceRecord(.device, mode: 1, clock: 9)
    head.flags |= TraceRecord.writeFlag
    var effect = TraceRecord(.registerWrite, mode: 1, code: 3, clock: 9, value: 1)
    #expect(effect.isPlaced(like: head))
    #expect(try line([head, effect]).hasSuffix("\"m\":1,\"w\":true,\"regs\":{\"r3\":\"0x1\"}}"))
    effect.flags = head.flags
    #expect(!effect.isPlaced(like: head))
    #expect(try line([head, effect]).contains("\"fx\""))
  }

  @Test func everythingElseIsLong() throws {
    let changes: [(String, (inout TraceRecord) -> Void)] = [
      ("no clock", { $0.clock = 0 }), ("another clock", { $0.clock = 10 }),
      ("no mode", { $0.mode = 0 }), ("another mode", { $0.mode = 1 }),
      ("no cpu", { $0.cpu = 0 }), ("another cpu", { $0.cpu = 3 }),
      ("write flag", { $0.flags |= TraceRecord.writeFlag }), ("unused flag", { $0.flags |= 0x80 }),
      ("pc", { $0.pc = 1 }), ("bytes", { $0.bytes.low = 1 }), ("count of bytes", { $0.bytes.high = 1 << 56 }),
    ]
    for index in 1..<Self.canonical.count {
      for (name, change) in changes {
        var records = Self.canonical
        change(&records[index])
        let text = try line(records)
        #expect(text.contains("\"fx\":["), "\(name), effect \(index)")
        #expect(!text.contains("\"regs\"") && !text.contains("\"mem\""), "\(name), effect \(index)")
      }
    }
  }

  @Test func membersAfterTheShortFormCountToo() throws {
    let json = try Samples.write(Self.canonical, as: .json)
    var lines = Samples.text(json).split(separator: "\n").map(String.init)
    lines[1] =
      ##"{"regs":{"r3":0,"r4":1},"mem":[["r",0,0,0],["w",8,4,7]],"cpu":2,"m":3,"next":68,"pc":64,"n":9,"k":"retire"}"##
    let text = lines.joined(separator: "\n") + "\n"
    #expect(try Samples.read(Array(text.utf8)).records == Self.canonical)
  }

  @Test func everyEffectHasItsHeadsClock() throws {
    let log = try Samples.read(try Samples.write(Samples.small, as: .json))
    var head = TraceRecord(.host)
    for record in log.records {
      if record.eventKind?.isEffect == true {
        #expect(record.isPlaced(like: head))
      } else {
        head = record
      }
    }
  }
}
