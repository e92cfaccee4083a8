import Debugger
import Testing

/// Expressions are C's, on 64-bit numbers without sign.
@Suite struct ExpressionTests {
  private struct Values: DebugValues {
    func register(named name: String) -> UInt64? { ["r1": 7, "sp": 0x100][name] }
    func symbol(named name: String) -> UInt64? { name == "main" ? 0x40 : nil }
    func number(at address: UInt64, bytes: Int) -> UInt64? {
      address < 0x1000 ? address * 10 + UInt64(bytes) : nil
    }
  }

  private static let table: [String: UInt64] = [
    "1 + 2 * 3": 7, "(1 + 2) * 3": 9, "r1 == 7 && sp > 1": 1, "$r1 - 8": 0xFFFF_FFFF_FFFF_FFFF, "!r1": 0,
    "~0": 0xFFFF_FFFF_FFFF_FFFF, "1 << 4 | 1": 17, "10 % 4 - 2": 0, "*sp": 2564, "byte(sp + 2)": 2581,
    "quad(main)": 648, "main+4": 0x44, "0x1_0": 16, "1 < 2 == 1": 1, "-1 >> 63": 1, "0 || 3": 1, "1 << 64": 0,
    "6 & 3 == 3": 0,
  ]

  @Test func values() throws {
    for (text, expected) in Self.table {
      #expect(try DebugExpression(text).value(Values()) == expected, "\(text)")
    }
  }

  @Test(arguments: [
    "", "1 +", "(1", "1)", "nothing", "1 / 0", "*0x2000", "0xg", "1 2", "$main", "99999999999999999999",
  ])
  func failures(_ text: String) {
    #expect(throws: DebugExpression.Failure.self) { try DebugExpression(text).value(Values()) }
  }

  @Test func depthIsBounded() {
    let text = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
    #expect(throws: DebugExpression.Failure.self) { try DebugExpression(text) }
    #expect(throws: DebugExpression.Failure.self) {
      try DebugExpression(String(repeating: "-", count: 5000) + "1")
    }
  }
}
