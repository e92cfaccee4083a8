internal import MachineCore

/// Instruction words to text, from the table; the text assembles back to the same word.
public enum ToyDisassembler {
  /// The word as assembly; illegal words as `.word`. `pc` makes targets absolute.
  public static func text(of word: UInt32, at pc: UInt32) -> String {
    text(of: word, at: pc) { _ in nil }
  }

  /// The word as assembly, with a name for a target where there is one.
  public static func text(of word: UInt32, at pc: UInt32, naming: (UInt32) -> String?) -> String {
    guard let (row, values) = ToyCodec.fields(of: word) else { return ".word " + hexText(Int64(word)) }
    let instruction = toyTable[row]
    let fields = instruction.format.fields
    let operands = instruction.format.syntax.map { operand, _ in
      switch operand {
      case .register(let index): "r\(values[index])"
      case .value(let index): number(values[index], fields[index])
      case .target(let index): target(pc &+ UInt32(truncatingIfNeeded: values[index]), naming)
      case .memory(let offset, let base):
        (offset.map { number(values[$0], fields[$0]) } ?? "") + "(r\(values[base]))"
      }
    }
    return operands.isEmpty
      ? instruction.mnemonic : instruction.mnemonic + " " + operands.joined(separator: ", ")
  }

  private static func hexText(_ value: Int64) -> String {
    (value < 0 ? "-0x" : "0x") + String(value.magnitude, radix: 16)
  }

  private static func number(_ value: Int64, _ field: ToyField) -> String {
    switch field {
    case .unsigned16, .upper20: hexText(value)
    default: String(value)
    }
  }

  private static func target(_ address: UInt32, _ naming: (UInt32) -> String?) -> String {
    naming(address) ?? hexText(Int64(address))
  }

  /// A whole program: labels, addresses, words, instructions with named targets, source lines.
  ///
  /// A segment is shown as instructions where the line table has them, and as data elsewhere; a segment
  /// named `.text` without any line table as instructions throughout.
  public static func listing(of image: ToyImage) -> String {
    var lines = ["entry \(hex(UInt64(image.entry)))"]
    let code = Set(image.lines.map(\.address))
    var labels: [UInt32: [ToyImage.Symbol]] = [:]
    var byValue: [UInt32: String] = [:]
    for symbol in image.symbols where symbol.isLabel {
      labels[symbol.address, default: []].append(symbol)
      if byValue[symbol.value] == nil { byValue[symbol.value] = symbol.name }
    }
    var texts: [String: [String]] = [:]
    for file in image.files {
      guard let text = file.text, texts[file.name] == nil else { continue }
      texts[file.name] = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map {
        SourceText.display(Array($0.drop { $0.isSpace })[...])
      }
    }
    for segment in image.segments {
      lines.append("")
      lines.append(
        "section \(segment.name) \(hex(UInt64(segment.address), digits: 8))..<\(hex(UInt64(segment.end), digits: 8))"
      )
      var offset = 0
      while offset < segment.bytes.count {
        let address = segment.address &+ UInt32(offset)
        let here = labels[address] ?? []
        lines += here.map { "\($0.name):" }
        let isCode = code.contains(address) || (image.lines.isEmpty && segment.name == ".text")
        if isCode, offset + 4 <= segment.bytes.count {
          // The program may run at other addresses than it lies at: the nearest label tells.
          let shift = image.symbol(at: address).map { $0.symbol.value &- $0.symbol.address } ?? 0
          let word = (0..<4).reduce(UInt32(0)) { $0 | UInt32(segment.bytes[offset + $1]) << UInt32($1 * 8) }
          let text = text(of: word, at: address &+ shift) { byValue[$0] }
          lines.append(
            row(address, hex(UInt64(word), digits: 8), text, source: image.place(of: address, texts)))
          offset += 4
        } else {
          var count = 1
          while count < 8, offset + count < segment.bytes.count,
            labels[address &+ UInt32(count)] == nil, !code.contains(address &+ UInt32(count))
          {
            count += 1
          }
          let bytes = segment.bytes[offset..<offset + count]
          let text = ".byte " + bytes.map { hex(UInt64($0), digits: 2) }.joined(separator: ", ")
          lines.append(row(address, "", text, source: nil))
          offset += count
        }
      }
      for address in labels.keys.sorted()
      where Int(address) >= Int(segment.address) + segment.bytes.count && Int(address) < segment.end {
        lines += (labels[address] ?? []).map { "\($0.name):  \(hex(UInt64($0.address), digits: 8))" }
      }
      if segment.size > segment.bytes.count {
        lines.append("  .space \(segment.size - segment.bytes.count)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func row(_ address: UInt32, _ word: String, _ text: String, source: String?) -> String {
    func pad(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    let head = "  \(hex(UInt64(address), digits: 8))  \(pad(word, 10))  "
    guard let source else { return head + text }
    return head + pad(text, 32) + "  ; " + source
  }
}

extension ToyImage {
  /// `file:line: text` of the instruction at an address.
  fileprivate func place(of address: UInt32, _ texts: [String: [String]]) -> String? {
    guard let (file, line) = sourcePosition(of: address) else { return nil }
    let name = files[file].name
    guard let text = texts[name], line >= 1, line <= text.count else { return "\(name):\(line)" }
    return "\(name):\(line): \(text[line - 1])"
  }
}
