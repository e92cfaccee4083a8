import MachineCore
import Testing
import X86Backend

/// Every condition after every kind of instruction whose flags the fast loop puts off.
@Suite struct FastLoopConditionTests {
  private static let results: UInt64 = 0x10_0000

  private static let pairs: [(UInt64, UInt64)] = [
    (1, 1), (1, 2), (2, 1), (0x8080_8080_8080_8080, 1), (0x7F7F_7F7F_7F7F_7F7F, .max), (0, 0),
  ]

  /// Producers by name: opcode for bytes, with rAX and rDX as operands.
  private static let producers: [(name: String, opcode: UInt8, digit: UInt8?)] = [
    ("cmp", 0x38, nil), ("sub", 0x28, nil), ("add", 0x00, nil), ("test", 0x84, nil), ("and", 0x20, nil),
    ("inc", 0xFE, 0), ("dec", 0xFE, 1), ("neg", 0xF6, 3),
  ]

  private func little(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// The instruction on AL and DL, AX and DX and so on.
  private func instruction(_ producer: (name: String, opcode: UInt8, digit: UInt8?), _ width: Width)
    -> [UInt8]
  {
    let prefix: [UInt8] = width == .bits16 ? [0x66] : width == .bits64 ? [0x48] : []
    let fields: UInt8 = producer.digit.map { 0xC0 | $0 << 3 } ?? 0xD0
    return prefix + [producer.opcode | (width == .bits8 ? 0 : 1), fields]
  }

  @Test(arguments: [Width.bits8, .bits16, .bits32, .bits64])
  func `Conditions hold alike in the fast loop and in the exact step`(width: Width) throws {
    // mov rsi, results
    var code: [UInt8] = [0x48, 0xBE] + little(Self.results)
    for producer in Self.producers {
      for (a, b) in Self.pairs {
        for condition in 0..<16 as Range<UInt8> {
          // stc or clc; mov rax, a; mov rdx, b; the instruction
          let start: [UInt8] =
            [0xF8 | condition & 1, 0x48, 0xB8] + little(a) + [0x48, 0xBA] + little(b)
            + instruction(producer, width)
          // mov byte [rsi], 1; …; jcc over: mov byte [rsi], 0; inc rsi
          code += [0xC6, 0x06, 1] + start + [0x70 | condition, 3, 0xC6, 0x06, 0, 0x48, 0xFF, 0xC6]
          // …; setcc [rsi]; inc rsi
          code += start + [0x0F, 0x90 | condition, 0x06, 0x48, 0xFF, 0xC6]
          // mov ebx, 0; …; cmovcc ebx, esi; mov [rsi], bl; inc rsi
          code += [0xBB, 0, 0, 0, 0] + start + [0x0F, 0x40 | condition, 0xDE, 0x88, 0x1E, 0x48, 0xFF, 0xC6]
        }
      }
    }
    let machine = X86Machine(
      mode: .long64, entry: 0x2_0000, segments: [LoadSegment(address: 0x2_0000, bytes: code + [0xF4])],
      memorySize: 2 << 20)
    let engines = try [true, false].map { fast in
      let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      engine.usesFastLoop = fast
      _ = try engine.run(RunLimits(instructions: 100_000), into: nil)
      return engine
    }
    let count = UInt64(Self.producers.count * Self.pairs.count * 16)
    #expect(engines[0].state == engines[1].state)
    #expect(engines[0].state[.rsi] == Self.results + count * 3)
    for place in 0..<count * 3 {
      let values = engines.map { $0.platform.memory.load(Self.results + place, width: 1) }
      let number = Int(place / 3)
      #expect(
        values[0] == values[1],
        "\(Self.producers[number / 16 / Self.pairs.count].name), pair \(number / 16 % Self.pairs.count), condition \(number % 16)"
      )
    }
  }

  @Test func `Products leave the same flags in the fast loop and in the exact step`() throws {
    let values: [UInt64] = [
      0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFE, 0x7FFF_FFFF_FFFF_FFFF,
      0x8000_0000_0000_0000, .max, .max - 1,
    ]
    var code: [UInt8] = [0x48, 0xBE] + little(Self.results)
    for prefix in [[], [0x48]] as [[UInt8]] {
      for a in values {
        for b in values {
          // mul edx; imul edx; imul eax, edx
          for product in [[0xF7, 0xE2], [0xF7, 0xEA], [0x0F, 0xAF, 0xC2]] as [[UInt8]] {
            code += [0x48, 0xB8] + little(a) + [0x48, 0xBA] + little(b) + prefix + product
            // pushfq; pop [rsi]; mov [rsi + 8], rax; mov [rsi + 16], rdx; add rsi, 24
            code += [0x9C, 0x8F, 0x06, 0x48, 0x89, 0x46, 8, 0x48, 0x89, 0x56, 16, 0x48, 0x83, 0xC6, 24]
          }
        }
      }
    }
    let machine = X86Machine(
      mode: .long64, entry: 0x2_0000, segments: [LoadSegment(address: 0x2_0000, bytes: code + [0xF4])],
      memorySize: 2 << 20)
    let engines = try [true, false].map { fast in
      let engine = X86Interpreter(platform: try machine.makePlatform(), state: machine.initialState)
      engine.usesFastLoop = fast
      _ = try engine.run(RunLimits(instructions: 100_000), into: nil)
      return engine
    }
    let count = 2 * values.count * values.count * 3
    #expect(engines[0].state == engines[1].state)
    #expect(engines[0].state[.rsi] == Self.results + UInt64(count) * 24)
    for place in 0..<UInt64(count) * 3 {
      let found = engines.map { $0.platform.memory.load(Self.results + place * 8, width: 8) }
      #expect(found[0] == found[1], "case \(place / 3)")
    }
  }

  /// Dividend in EDX:EAX, divisor, whether signed: quotients that just fit and just do not.
  @Test(
    arguments: [
      (1, 0, 1, false, true), (0, 0xFFFF_FFFF, 1, false, false), (2, 0, 2, false, true),
      (0, 0x8000_0000, 1, true, true), (0xFFFF_FFFF, 0x8000_0000, 1, true, false),
      (0xFFFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, true, true), (0, 5, 0, false, true),
    ] as [(UInt64, UInt64, UInt64, Bool, Bool)])
  func `A quotient that does not fit faults`(_ row: (UInt64, UInt64, UInt64, Bool, Bool)) throws {
    var machine = SystemMachine()
    func word(_ value: UInt64) -> [UInt8] { Array(little(value).prefix(4)) }
    // mov ecx, 60; L: dec ecx; jnz L — then the division, still in the fast loop.
    machine.put(
      [0xB9] + word(60) + [0x49, 0x75, 0xFD, 0xBA] + word(row.0) + [0xB8] + word(row.1) + [0xB9]
        + word(row.2) + [0xF7, row.3 ? 0xF9 : 0xF1, 0xF4])
    let end = try machine.run(1000)
    #expect(end.vector == (row.4 ? 0 : nil))
    #expect(end[.halted] == 1)
  }
}
