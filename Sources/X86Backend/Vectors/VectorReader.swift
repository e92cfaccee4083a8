/// Reads vectors one by one from JSON text, without building a tree: fields that are not needed are skipped.
package struct VectorReader {
  private let text: [UInt8]
  private var position = 0
  private var hasStarted = false

  /// A reader of the whole text of a file.
  package init(_ text: [UInt8]) { self.text = text }

  /// Reads the next vector; `false` after the last one.
  package mutating func next(_ vector: inout HardwareVector) throws(VectorError) -> Bool {
    vector.clear()
    if !hasStarted {
      hasStarted = true
      try expect(UInt8(ascii: "["), "an array of vectors")
      if peek() == UInt8(ascii: "]") { return false }
    } else {
      if peek() == UInt8(ascii: "]") { return false }
      try expect(UInt8(ascii: ","), "`,` between vectors, or `]`,")
    }
    try object { (reader, key) throws(VectorError) in
      switch key {
      case "name": vector.name = try reader.string()
      case "idx", "test_num": vector.index = Int(try reader.integer())
      case "bytes":
        try reader.array { (reader) throws(VectorError) in
          vector.bytes.append(UInt8(truncatingIfNeeded: try reader.integer()))
        }
      case "initial": try reader.state(&vector.initialRegisters, &vector.initialMemory)
      case "final": try reader.state(&vector.finalRegisters, &vector.finalMemory)
      case "hash": vector.hash = try reader.string()
      case "flags-mask", "flags_mask", "flagsMask": vector.flagsMask = try reader.unsigned()
      case "exception":
        guard reader.peek() == UInt8(ascii: "{") else {
          if reader.peek() == UInt8(ascii: "n") { return try reader.skip() }
          vector.exception = try reader.unsigned()
          return
        }
        try reader.object { (reader, key) throws(VectorError) in
          switch key {
          case "number": vector.exception = try reader.unsigned()
          case "flag_address": vector.flagAddress = try reader.unsigned()
          default: try reader.skip()
          }
        }
      default: try reader.skip()
      }
    }
    guard !vector.bytes.isEmpty, !vector.initialRegisters.isEmpty else {
      throw fail("a vector needs `bytes`, `initial` and `final`")
    }
    return true
  }

  private mutating func state(
    _ registers: inout [HardwareVector.RegisterValue], _ memory: inout [HardwareVector.ByteValue]
  ) throws(VectorError) {
    try object { (reader, key) throws(VectorError) in
      switch key {
      case "regs":
        try reader.object { (reader, key) throws(VectorError) in
          guard let register = Self.register(key) else {
            throw reader.fail("there is no register `\(key)`")
          }
          registers.append((register, try reader.unsigned()))
        }
      case "ram":
        try reader.array { (reader) throws(VectorError) in
          var pair: (UInt64, UInt64) = (0, 0)
          var count = 0
          try reader.array { (reader) throws(VectorError) in
            let value = try reader.unsigned()
            if count == 0 { pair.0 = value } else { pair.1 = value }
            count += 1
          }
          guard count == 2, pair.1 < 256 else { throw reader.fail("`ram` takes pairs of address and byte") }
          memory.append((pair.0, UInt8(pair.1)))
        }
      default: try reader.skip()
      }
    }
  }

  private static func register(_ name: String) -> X86Register? {
    switch name {
    case "ax", "eax", "rax": .rax
    case "bx", "ebx", "rbx": .rbx
    case "cx", "ecx", "rcx": .rcx
    case "dx", "edx", "rdx": .rdx
    case "si", "esi", "rsi": .rsi
    case "di", "edi", "rdi": .rdi
    case "bp", "ebp", "rbp": .rbp
    case "sp", "esp", "rsp": .rsp
    case "ip", "eip", "rip": .rip
    case "flags", "eflags", "rflags": .rflags
    case "cs": .cs
    case "ds": .ds
    case "es": .es
    case "ss": .ss
    case "fs": .fs
    case "gs": .gs
    case "cr0": .cr0
    case "cr2": .cr2
    case "cr3": .cr3
    case "cr4": .cr4
    case "dr0": .dr0
    case "dr1": .dr1
    case "dr2": .dr2
    case "dr3": .dr3
    case "dr6": .dr6
    case "dr7": .dr7
    default: nil
    }
  }

  // MARK: JSON

  private func fail(_ what: String) -> VectorError { VectorError(offset: position, text: what) }

  /// The next byte that is no blank, or 0 at the end.
  @inline(__always) private mutating func peek() -> UInt8 {
    while position < text.count {
      let byte = text[position]
      if byte > 32 { return byte }
      position += 1
    }
    return 0
  }

  private mutating func expect(_ byte: UInt8, _ what: String) throws(VectorError) {
    guard peek() == byte else {
      throw fail(position < text.count ? "\(what) expected" : "the text ends where \(what) is expected")
    }
    position += 1
  }

  private mutating func object(
    _ member: (inout VectorReader, String) throws(VectorError) -> Void
  ) throws(VectorError) {
    try expect(UInt8(ascii: "{"), "an object")
    if peek() == UInt8(ascii: "}") {
      position += 1
      return
    }
    while true {
      let key = try string()
      try expect(UInt8(ascii: ":"), "`:`")
      try member(&self, key)
      if peek() == UInt8(ascii: "}") {
        position += 1
        return
      }
      try expect(UInt8(ascii: ","), "`,` or `}`")
    }
  }

  private mutating func array(
    _ element: (inout VectorReader) throws(VectorError) -> Void
  ) throws(VectorError) {
    try expect(UInt8(ascii: "["), "an array")
    if peek() == UInt8(ascii: "]") {
      position += 1
      return
    }
    while true {
      try element(&self)
      if peek() == UInt8(ascii: "]") {
        position += 1
        return
      }
      try expect(UInt8(ascii: ","), "`,` or `]`")
    }
  }

  private mutating func string() throws(VectorError) -> String {
    try expect(UInt8(ascii: "\""), "a string")
    let start = position
    var isPlain = true
    while position < text.count, text[position] != UInt8(ascii: "\"") {
      if text[position] == UInt8(ascii: "\\") {
        isPlain = false
        position += 1
      }
      position += 1
    }
    guard position < text.count else { throw fail("a string without an end") }
    defer { position += 1 }
    let range = text[start..<position]
    // Names are for messages: escapes are only made visible.
    return isPlain
      ? String(decoding: range, as: UTF8.self) : String(decoding: range.filter { $0 != 0x5C }, as: UTF8.self)
  }

  private mutating func integer() throws(VectorError) -> Int64 {
    var byte = peek()
    let isNegative = byte == UInt8(ascii: "-")
    if isNegative {
      position += 1
      byte = peek()
    }
    guard byte >= 48, byte <= 57 else { throw fail("a number expected") }
    var value: Int64 = 0
    while position < text.count, text[position] >= 48, text[position] <= 57 {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, more) = product.addingReportingOverflow(Int64(text[position] - 48))
      guard !overflow, !more else { throw fail("a number that is too large") }
      value = sum
      position += 1
    }
    if position < text.count, text[position] == 0x2E || text[position] | 0x20 == 0x65 {
      throw fail("a whole number expected")
    }
    return isNegative ? -value : value
  }

  /// A number, decimal or (in quotes) hexadecimal as `"0x1F"`.
  private mutating func unsigned() throws(VectorError) -> UInt64 {
    guard peek() == UInt8(ascii: "\"") else { return UInt64(bitPattern: try integer()) }
    let text = try string()
    let digits = text.hasPrefix("0x") ? String(text.dropFirst(2)) : text
    guard let value = UInt64(digits, radix: 16) else { throw fail("`\(text)` is no hexadecimal number") }
    return value
  }

  /// Skips a value of any kind.
  private mutating func skip() throws(VectorError) {
    _ = peek()
    var depth = 0
    try text.withUnsafeBufferPointer { (bytes) throws(VectorError) in
      // SAFETY: the position is compared with the count before each access.
      while position < bytes.count {
        let byte = bytes[position]
        switch byte {
        case UInt8(ascii: "\""):
          position += 1
          while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
          }
          position += 1
          if depth == 0 { return }
        case UInt8(ascii: "["), UInt8(ascii: "{"):
          depth += 1
          position += 1
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
          if depth == 0 { return }
          depth -= 1
          position += 1
          if depth == 0 { return }
        case UInt8(ascii: ",") where depth == 0: return
        default: position += 1
        }
      }
      throw VectorError(offset: position, text: "the text ends inside a value")
    }
  }
}
