// Numbers and bytes as people write them.

/// `0x` and the value in lower-case hexadecimal.
public func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

/// `0x` and the value in lower-case hexadecimal, with at least `digits` digits.
public func hex(_ value: UInt64, digits: Int) -> String {
  let text = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// Bytes as hexadecimal digits, two a byte, with nothing but `separator` between bytes.
public func hexString(_ bytes: some Sequence<UInt8>, separator: String = "") -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: separator)
}

/// A whole number in decimal or, with `0x`, hexadecimal; `_` may separate digits. `nil` if the text is none.
public func parseNumber(_ text: some StringProtocol) -> UInt64? {
  let digits = String(text.filter { $0 != "_" })
  return digits.hasPrefix("0x") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
}
