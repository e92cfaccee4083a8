extension AssemblyRun {
  /// Gives every chunk its address: text first, then the other sections one after the other.
  func layOut() {
    var highest: Int64 = 0
    let bss = sections.firstIndex { $0.name == ".bss" } ?? 0
    var order = [0, 1, 2]
    order += sections.indices.filter { $0 > 2 && $0 != bss }
    order.append(bss)
    for section in order {
      var position = highest
      for index in chunks.indices where chunks[index].section == section {
        let mask = chunks[index].alignment - 1
        let load = chunks[index].loadAddress ?? (position + mask) & ~mask
        chunks[index].loadAddress = load
        if chunks[index].linkAddress == nil { chunks[index].linkAddress = load }
        position = load + Int64(chunks[index].size)
        if chunks[index].size > 0 { highest = max(highest, position) }
      }
    }
    checkOverlaps()
  }

  private func checkOverlaps() {
    let used = chunks.filter { $0.size > 0 }.sorted { ($0.loadAddress ?? 0) < ($1.loadAddress ?? 0) }
    var previous: Chunk?
    for chunk in used {
      let start = chunk.loadAddress ?? 0
      let end = start + Int64(chunk.size)
      guard end <= 1 << 32 else {
        report("too-large", "the program goes beyond 32-bit addresses", at: chunk.place)
        return
      }
      if let last = previous, let lastStart = last.loadAddress, lastStart + Int64(last.size) > start {
        report(
          "overlap",
          "section `\(sections[chunk.section].name)` at 0x\(String(start, radix: 16)) overlaps `\(sections[last.section].name)`, which ends at 0x\(String(lastStart + Int64(last.size), radix: 16))",
          at: chunk.place.line == 0 ? last.place : chunk.place)
      }
      if end > (previous.map { ($0.loadAddress ?? 0) + Int64($0.size) } ?? 0) { previous = chunk }
    }
  }

  /// Whether the bytes of a fixup are there; they are not in `.bss`, nor after a limit was reached.
  private func admits(_ fixup: Fixup, _ width: Int, _ value: Int64) -> Bool {
    let chunk = chunks[Int(fixup.chunk)]
    if fixup.offset + width <= chunk.bytes.count { return true }
    if value != 0, sections[chunk.section].name == ".bss" { reportDataInBSS(at: fixup.place) }
    return false
  }

  /// Puts in the values that were not known before.
  func applyFixups() {
    for fixup in fixups {
      let index = Int(fixup.chunk)
      do {
        switch fixup.kind {
        case .data(let width):
          let value = try evaluate(fixup.node)
          check(value.value, width: width, at: fixup.place)
          guard admits(fixup, width, value.value) else { continue }
          for byte in 0..<width {
            chunks[index].bytes[fixup.offset + byte] = UInt8(
              truncatingIfNeeded: value.value >> Int64(byte * 8))
          }
        case .field(let field, let row):
          let bits = try bits(
            of: fixup.node, field: field, row: row, chunk: index, offset: fixup.offset, at: fixup.place)
          guard admits(fixup, 4, Int64(bits)) else { continue }
          for byte in 0..<4 {
            chunks[index].bytes[fixup.offset + byte] |= UInt8(truncatingIfNeeded: bits >> UInt32(byte * 8))
          }
        }
      } catch let reason as NoValue {
        report(reason, at: fixup.place, needed: nil)
      } catch {}
    }
    for index in symbols.indices where symbols[index].value == nil {
      guard let definition = symbols[index].definition, let place = symbols[index].definedAt else { continue }
      do {
        symbols[index].value = try evaluate(definition)
      } catch {
        report(error, at: place, needed: nil)
      }
    }
  }

  /// Reports a program in which there is nothing to run.
  func checkContent() {
    guard errorCount == 0, firstInstruction == nil,
      !chunks.contains(where: { $0.size > 0 && sections[$0.section].name != ".bss" })
    else { return }
    report(
      "no-instructions", "no instructions: there is nothing to run",
      at: Place(source: 0, line: 0, start: 0, end: 0, context: -1),
      help: "write at least one instruction, or data that is one; definitions alone make no program")
  }

  /// The finished program.
  func makeImage() -> ToyImage {
    func address(_ chunk: Int32, _ offset: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: (chunks[Int(chunk)].loadAddress ?? 0) &+ Int64(offset))
    }
    var segments: [ToyImage.Segment] = []
    for chunk in chunks where chunk.size > 0 {
      segments.append(
        ToyImage.Segment(
          name: sections[chunk.section].name, address: UInt32(truncatingIfNeeded: chunk.loadAddress ?? 0),
          bytes: chunk.bytes, size: chunk.size))
    }
    segments.sort { $0.address < $1.address }
    var table: [ToyImage.Symbol] = []
    for symbol in symbols where symbol.definedAt != nil && !symbol.name.utf8.contains(1) {
      guard let value = try? evaluate(append(Node(operation: .symbol, left: Int32(symbolIndex(symbol.name)))))
      else { continue }
      let link = UInt32(truncatingIfNeeded: value.value)
      let load = symbol.isLabel ? address(symbol.chunk, Int(symbol.offset)) : link
      table.append(ToyImage.Symbol(name: symbol.name, value: link, address: load, isLabel: symbol.isLabel))
    }
    table.sort { ($0.address, $0.name) < ($1.address, $1.name) }
    let files = sources.map { ToyImage.File(name: $0.name, text: String(decoding: $0.bytes, as: UTF8.self)) }
    var lines = lineTable.map {
      ToyImage.Line(
        address: address($0.chunk, $0.offset), file: UInt32($0.source), line: UInt32($0.line) + 1)
    }
    lines.sort { $0.address < $1.address }
    let entry =
      table.first { $0.name == "_start" && $0.isLabel }?.address
      ?? firstInstruction.map { address($0.chunk, $0.offset) }
      ?? UInt32(truncatingIfNeeded: chunks[0].loadAddress ?? 0)
    return ToyImage(entry: entry, segments: segments, symbols: table, files: files, lines: lines)
  }
}
