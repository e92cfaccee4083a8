internal import Foundation
internal import MachineCore
internal import ToyISA

extension DebugAdapter {
  /// The most instructions, or bytes, of one answer.
  private static let most = 1 << 20

  /// An address that a reference and an offset name.
  func address(_ reference: JSON?, _ offset: JSON?) throws -> UInt64 {
    guard let text = reference?.string else { throw Failure("a memory reference is missing") }
    guard let address = parseNumber(text) else { throw Failure("`\(text)` is no memory reference") }
    return address &+ UInt64(bitPattern: Int64(offset?.int ?? 0))
  }

  func disassemble(_ arguments: JSON) throws -> JSON {
    let start = try address(arguments["memoryReference"], arguments["offset"])
    let count = arguments["instructionCount"]?.int ?? 0
    let skip = arguments["instructionOffset"]?.int ?? 0
    guard (0...Self.most / 16).contains(count) else {
      throw Failure("instructionCount is 0 to \(Self.most / 16), not \(count)")
    }
    guard start < 1 << 33, skip.magnitude < 1 << 32 else {
      throw Failure("\(hex(start)) is no address of a 32-bit machine")
    }
    let first = Int(start) + skip * 4
    var last: SourcePosition?
    let rows = (0..<count).map { index -> JSON in
      let place = first + index * 4
      // What lies before the first address has none; the lowest keeps the rows in order.
      guard place >= 0, place < 1 << 32 else {
        return [
          "address": .string(hex(UInt64(max(0, place)))), "instruction": "(no storage)",
          "presentationHint": "invalid",
        ]
      }
      guard let line = session.disassemble(UInt64(place), count: 1).first, line.bytes.count == 4 else {
        return [
          "address": .string(hex(UInt64(place))), "instruction": "(no storage)",
          "presentationHint": "invalid",
        ]
      }
      var fields: [String: JSON?] = [
        "address": .string(hex(UInt64(place))), "instruction": .string(line.text),
        "instructionBytes": .string(
          line.bytes.map { hex(UInt64($0), digits: 2).dropFirst(2) }.joined(separator: " ")),
      ]
      if arguments["resolveSymbols"]?.bool != false, let label = session.label(of: UInt64(place)),
        Int(label.value) == place
      {
        fields["symbol"] = .string(label.name)
      }
      if let position = position(of: UInt64(place)) {
        fields["line"] = .integer(position.line - 1 + sources.firstLine)
        // The file is told where it is another one than before.
        if position.file != last?.file { fields["location"] = sources.json(position.file) }
        last = position
      }
      return .fields(fields)
    }
    return ["instructions": .array(rows)]
  }

  func readMemory(_ arguments: JSON) throws -> JSON {
    let start = try address(arguments["memoryReference"], arguments["offset"])
    let count = arguments["count"]?.int ?? 0
    guard (0...Self.most).contains(count) else {
      throw Failure("count is 0 to \(Self.most) bytes, not \(count)")
    }
    let bytes = session.read(start, count: count)
    let unreadable = count - bytes.count
    return .fields([
      "address": .string(hex(start)), "data": .string(Data(bytes).base64EncodedString()),
      "unreadableBytes": unreadable > 0
        ? .integer(hole(start &+ UInt64(bytes.count), atMost: unreadable)) : nil,
    ])
  }

  /// How many bytes from an address on are not there.
  private func hole(_ start: UInt64, atMost most: Int) -> Int {
    var count = 0
    while count < most, session.translate(start &+ UInt64(count)) == nil {
      // Translation goes by pages; storage ends at a page's end.
      count += Int(4096 - (start &+ UInt64(count)) % 4096)
    }
    return min(max(count, 1), most)
  }

  func writeMemory(_ arguments: JSON) throws -> JSON? {
    let start = try address(arguments["memoryReference"], arguments["offset"])
    guard let bytes = arguments["data"]?.string.flatMap({ Data(base64Encoded: $0) }).map(Array.init) else {
      throw Failure("`data` is no base64 text")
    }
    var part = bytes
    if arguments["allowPartial"]?.bool == true {
      part = Array(bytes.prefix(session.read(start, count: bytes.count).count))
    }
    guard part.isEmpty || session.write(part, at: start) else {
      throw Failure("there is no storage for \(bytes.count) bytes at \(hex(start))")
    }
    guard !part.isEmpty || bytes.isEmpty else { throw Failure("there is no storage at \(hex(start))") }
    changed()
    if client?["supportsMemoryEvent"]?.bool == true {
      event("memory", ["memoryReference": .string(hex(start)), "offset": 0, "count": .integer(part.count)])
    }
    return ["bytesWritten": .integer(part.count)]
  }
}
