import MachineCore
import Simulator
import Testing
import Trace

/// Every operator at every width, against arithmetic on 128-bit integers.
@Suite struct OperatorTests {
  private static let samples: [UInt64] = [
    0, 1, 2, 7, 8, 15, 31, 33, 63, 64, 65, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF,
    0x8000_0000, 0xFFFF_FFFF, 0x0123_4567_89AB_CDEF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
  ]

  /// Evaluates an expression over registers a, b and c for all given values.
  private func evaluate(_ expression: Expression, _ inputs: [[UInt64]]) throws -> [UInt64] {
    let set = ScriptedSet([
      ScriptedSet.Form(1, [], [.write(ScriptedSet.value, expression), .write(ScriptedSet.pc, .constant(0))])
    ])
    let machine = try ScriptedMachine(set, [0])
    var results: [UInt64] = []
    for values in inputs {
      var state = machine.evaluator.state
      for (index, value) in values.enumerated() { state.registers[index] = value }
      machine.evaluator.state = state
      _ = try machine.evaluator.run(RunLimits(instructions: 1), into: nil)
      results.append(machine[ScriptedSet.value])
    }
    return results
  }

  private func signed(_ value: UInt64, _ width: Width) -> Int128 {
    let cut = Int128(value & width.mask)
    return cut >> (Int128(width.rawValue) - 1) == 0 ? cut : cut - (Int128(1) << Int128(width.rawValue))
  }

  private func reference(_ operation: BinaryOperator, _ first: UInt64, _ second: UInt64, _ width: Width)
    -> UInt64
  {
    let a = Int128(first & width.mask)
    let b = Int128(second & width.mask)
    let (sa, sb) = (signed(first, width), signed(second, width))
    let bits = Int128(width.rawValue)
    let exact: Int128
    switch operation {
    case .add: exact = a + b
    case .subtract: exact = a - b
    case .multiply: exact = Int128(truncatingIfNeeded: UInt128(a) &* UInt128(b))
    case .multiplyHighUnsigned: exact = Int128((UInt128(a) * UInt128(b)) >> UInt128(bits))
    case .multiplyHighSigned: exact = (sa * sb) >> bits
    case .divideUnsigned: exact = b == 0 ? 0 : a / b
    case .divideSigned: exact = b == 0 ? 0 : sa / sb
    case .remainderUnsigned: exact = b == 0 ? 0 : a % b
    case .remainderSigned: exact = b == 0 ? 0 : sa % sb
    case .and: exact = a & b
    case .or: exact = a | b
    case .xor: exact = a ^ b
    case .shiftLeft: exact = b >= bits ? 0 : Int128(truncatingIfNeeded: UInt128(a) << UInt128(b))
    case .shiftRightUnsigned: exact = b >= bits ? 0 : a >> b
    case .shiftRightSigned: exact = sa >> min(b, bits)
    case .rotateLeft, .rotateRight:
      let count = operation == .rotateLeft ? b % bits : (bits - b % bits) % bits
      exact = Int128(truncatingIfNeeded: UInt128(a) << UInt128(count)) | a >> (bits - count)
    case .equal: exact = a == b ? 1 : 0
    case .notEqual: exact = a != b ? 1 : 0
    case .lessUnsigned: exact = a < b ? 1 : 0
    case .lessSigned: exact = sa < sb ? 1 : 0
    case .lessOrEqualUnsigned: exact = a <= b ? 1 : 0
    case .lessOrEqualSigned: exact = sa <= sb ? 1 : 0
    }
    return UInt64(truncatingIfNeeded: exact) & width.mask
  }

  @Test(arguments: BinaryOperator.allCases, Width.allCases)
  func binary(operation: BinaryOperator, width: Width) throws {
    let inputs = Self.samples.flatMap { a in Self.samples.map { [a, $0] } }
    let found = try evaluate(
      .binary(operation, .register(ScriptedSet.a), .register(ScriptedSet.b), width), inputs)
    for (input, result) in zip(inputs, found) {
      #expect(result == reference(operation, input[0], input[1], width), "\(input.map { hex($0) })")
    }
  }

  @Test(arguments: UnaryOperator.allCases, Width.allCases)
  func unary(operation: UnaryOperator, width: Width) throws {
    let found = try evaluate(.unary(operation, .register(ScriptedSet.a), width), Self.samples.map { [$0] })
    for (sample, result) in zip(Self.samples, found) {
      let bits = (0..<Int(width.rawValue)).map { sample >> UInt64($0) & 1 }
      let expected: UInt64
      switch operation {
      case .complement: expected = ~sample & width.mask
      case .negate: expected = (~sample &+ 1) & width.mask
      case .isZero: expected = bits.contains(1) ? 0 : 1
      case .signExtend8: expected = UInt64(truncatingIfNeeded: Int8(truncatingIfNeeded: sample)) & width.mask
      case .signExtend16:
        expected = UInt64(truncatingIfNeeded: Int16(truncatingIfNeeded: sample)) & width.mask
      case .signExtend32:
        expected = UInt64(truncatingIfNeeded: Int32(truncatingIfNeeded: sample)) & width.mask
      case .populationCount: expected = bits.reduce(0, +)
      case .leadingZeros: expected = UInt64(bits.reversed().firstIndex(of: 1) ?? bits.count)
      case .trailingZeros: expected = UInt64(bits.firstIndex(of: 1) ?? bits.count)
      case .parity8: expected = bits[0..<8].reduce(0, +) % 2 == 0 ? 1 : 0
      case .byteSwap:
        expected = (0..<width.bytes).reduce(0) { $0 << 8 | sample >> UInt64($1 * 8) & 0xFF }
      }
      #expect(result == expected, "\(hex(sample))")
    }
  }

  @Test(arguments: WideOperator.allCases, Width.allCases)
  func wide(operation: WideOperator, width: Width) throws {
    let few: [UInt64] = [
      0, 1, 3, 0x7F, 0x80, 0xFF, 0x8000, 0xFFFF, 0x8000_0000, 0x1234_5678_9ABC_DEF0, 1 << 63, .max,
    ]
    var inputs: [[UInt64]] = []
    for high in few { for low in few { for by in few { inputs.append([high, low, by]) } } }
    let found = try evaluate(
      .wide(
        operation, high: .register(ScriptedSet.a), low: .register(ScriptedSet.b),
        by: .register(ScriptedSet.c),
        width), inputs)
    let bits = UInt128(width.rawValue)
    for (input, result) in zip(inputs, found) {
      let dividend = UInt128(input[0] & width.mask) << bits | UInt128(input[1] & width.mask)
      let divisor = UInt128(input[2] & width.mask)
      let negative = dividend >> (2 * bits - 1) == 1
      let signedDividend: Int128 =
        negative && bits < 64
        ? Int128(dividend) - (Int128(1) << Int128(2 * bits)) : Int128(truncatingIfNeeded: dividend)
      let signedDivisor = signed(input[2], width)
      let limit = Int128(1) << Int128(bits - 1)
      let expected: UInt128
      switch operation {
      case .overflowsUnsigned: expected = divisor == 0 || (dividend / divisor) >> bits != 0 ? 1 : 0
      case .overflowsSigned:
        if divisor == 0 {
          expected = 1
        } else {
          let (quotient, overflow) = signedDividend.dividedReportingOverflow(by: signedDivisor)
          expected = overflow || quotient >= limit || quotient < -limit ? 1 : 0
        }
      case .quotientUnsigned: expected = divisor == 0 ? 0 : dividend / divisor
      case .remainderUnsigned: expected = divisor == 0 ? 0 : dividend % divisor
      case .quotientSigned:
        expected =
          divisor == 0
          ? 0
          : UInt128(
            truncatingIfNeeded: signedDividend.dividedReportingOverflow(by: signedDivisor).partialValue)
      case .remainderSigned:
        expected =
          divisor == 0
          ? 0
          : UInt128(
            truncatingIfNeeded: signedDividend.remainderReportingOverflow(dividingBy: signedDivisor)
              .partialValue)
      }
      #expect(result == UInt64(truncatingIfNeeded: expected) & width.mask, "\(input.map { hex($0) })")
    }
  }
}
