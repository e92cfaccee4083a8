/// The assembler's directives.
enum Directive: String, CaseIterable {
  case text = ".text"
  case rodata = ".rodata"
  case data = ".data"
  case bss = ".bss"
  case section = ".section"
  case org = ".org"
  case phase = ".phase"
  case dephase = ".dephase"
  case align = ".align"
  case balign = ".balign"
  case word = ".word"
  case half = ".half"
  case byte = ".byte"
  case ascii = ".ascii"
  case asciz = ".asciz"
  case space = ".space"
  case fill = ".fill"
  case equ = ".equ"
  case set = ".set"
  case globl = ".globl"
  case include = ".include"
  case `if` = ".if"
  case ifdef = ".ifdef"
  case ifndef = ".ifndef"
  case elseif = ".elseif"
  case `else` = ".else"
  case
    endif = ".endif"
  case macro = ".macro"
  case endm = ".endm"
  case rept = ".rept"
  case endr = ".endr"
  case error = ".error"
  case warning = ".warning"

  static let synonyms: [String: Directive] = [
    ".p2align": .align, ".long": .word, ".int": .word, ".4byte": .word, ".short": .half, ".2byte": .half,
    ".string": .asciz, ".zero": .space, ".skip": .space, ".global": .globl, ".endmacro": .endm,
  ]

  var isConditional: Bool {
    switch self {
    case .if, .ifdef, .ifndef, .elseif, .else, .endif: true
    default: false
    }
  }
}

extension AssemblyRun {
  func perform(_ directive: Directive, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    switch directive {
    case .text, .rodata, .data, .bss:
      try expectEnd(&cursor)
      select(directive.rawValue, at: place)
    case .section:
      guard let name = cursor.identifier() else {
        throw report("expected-name", "expected a section name", at: cursor.placeOfNext())
      }
      // Flags and types as GNU as writes them mean nothing here.
      if !cursor.take(",") { try expectEnd(&cursor) }
      select(name, at: place)
    case .org: try origin(&cursor, at: place)
    case .phase, .dephase: try phase(directive == .phase, &cursor, at: place)
    case .align, .balign: try align(directive, &cursor, at: place)
    case .word: try data(4, &cursor)
    case .half: try data(2, &cursor)
    case .byte: try data(1, &cursor)
    case .ascii: try strings(terminated: false, &cursor)
    case .asciz: try strings(terminated: true, &cursor)
    case .space, .fill: try fill(directive, &cursor, at: place)
    case .equ, .set:
      cursor.skipSpaces()
      let start = cursor.position
      guard let name = cursor.identifier() else {
        throw report("expected-name", "expected a name", at: cursor.placeOfNext())
      }
      let place = cursor.place(from: start)
      try expectComma(&cursor)
      try assign(name, &cursor, at: place, variable: directive == .set)
    case .globl: cursor.position = cursor.end
    case .include: try includeFile(&cursor, at: place)
    case .if, .ifdef, .ifndef, .elseif, .else, .endif: try conditional(directive, &cursor, at: place)
    case .macro: try defineMacro(&cursor, at: place)
    case .rept: try repetition(&cursor, at: place)
    case .endm, .endr:
      throw report("unexpected-end", "`\(directive.rawValue)` without a beginning", at: place)
    case .error, .warning:
      let text = cursor.take("\"") ? String(decoding: try string(&cursor, from: place), as: UTF8.self) : ""
      let message =
        text.isEmpty ? "`\(directive.rawValue)` reached" : SourceText.display(Array(text.utf8)[...])
      if directive == .warning { return warn("warning-directive", message, at: place) }
      throw report("error-directive", message, at: place)
    }
  }

  // MARK: Sections and locations

  private func select(_ name: String, at place: Place) {
    if let index = sections.firstIndex(where: { $0.name == name }) {
      section = index
      return
    }
    guard sections.count < 256 else {
      report("too-many-sections", "more than 256 sections", at: place)
      return
    }
    chunks.append(Chunk(section: sections.count, place: place))
    sections.append(Section(name: name, chunk: chunks.count - 1))
    section = sections.count - 1
  }

  /// Reads a value that must be known now, within a range.
  func value(
    _ cursor: inout LineCursor, in range: ClosedRange<Int64>, for what: String
  ) throws(Reported) -> Int64 {
    cursor.skipSpaces()
    let start = cursor.position
    let node = try expression(&cursor)
    let place = cursor.place(from: start)
    let value = try known(node, at: place, for: what)
    guard range.contains(value) else {
      throw report(
        "out-of-range", "\(value) is out of range for \(what): \(range.lowerBound) to \(range.upperBound)",
        at: place)
    }
    return value
  }

  private func newChunk(load: Int64?, link: Int64?, at place: Place) {
    chunks.append(Chunk(section: section, loadAddress: load, linkAddress: link, place: place))
    sections[section].chunk = chunks.count - 1
  }

  private func origin(_ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let address = try value(&cursor, in: 0...0xFFFF_FFFF, for: "`.org`")
    try expectEnd(&cursor)
    newChunk(load: address, link: address, at: place)
  }

  private func phase(_ begins: Bool, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let link = begins ? try value(&cursor, in: 0...0xFFFF_FFFF, for: "`.phase`") : nil
    try expectEnd(&cursor)
    let load = chunks[current].loadAddress.map { $0 + Int64(chunks[current].size) }
    newChunk(load: load, link: link ?? load, at: place)
    chunks[current].alignment = 1
  }

  private func align(_ directive: Directive, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let alignment: Int64
    if directive == .align {
      alignment = 1 << (try value(&cursor, in: 0...20, for: "`.align`, a power of two"))
    } else {
      alignment = try value(&cursor, in: 1...0x10_0000, for: "`.balign`")
      guard alignment & (alignment - 1) == 0 else {
        throw report("out-of-range", "an alignment must be a power of two, not \(alignment)", at: place)
      }
    }
    var pattern: UInt8?
    if cursor.take(",") {
      pattern = UInt8(truncatingIfNeeded: try value(&cursor, in: -128...255, for: "the filling byte"))
    }
    try expectEnd(&cursor)
    let chunk = chunks[current]
    if chunk.linkAddress == nil { chunks[current].alignment = max(chunk.alignment, alignment) }
    let here = (chunk.linkAddress ?? 0) &+ Int64(chunk.size)
    var padding = Int((0 &- here) & (alignment - 1))
    guard sections[section].name == ".text", pattern == nil, padding % 4 == 0 else {
      if let pattern, pattern != 0 { return try emit(repeatElement(pattern, count: padding), at: place) }
      return try reserve(padding, at: place)
    }
    while padding > 0 {
      try emit(ToyPseudo.nopBytes, at: place)
      padding -= 4
    }
  }

  // MARK: Data

  private func data(_ width: Int, _ cursor: inout LineCursor) throws(Reported) {
    repeat {
      cursor.skipSpaces()
      let start = cursor.position
      let node = try expression(&cursor)
      let place = cursor.place(from: start)
      if let offset = Optional(chunks[current].size), let link = chunks[current].linkAddress,
        (link &+ Int64(offset)) & Int64(width - 1) != 0
      {
        warn(
          "misaligned-data", "this \(width == 4 ? "word" : "halfword") is not aligned; loading it will trap",
          at: place, help: "put `.balign \(width)` before it")
      }
      let field = Fixup(
        kind: .data(width), chunk: Int32(current), offset: chunks[current].size, node: node, place: place)
      do {
        let value = try evaluate(node)
        guard value.isAbsolute else { throw NoValue.floating }
        check(value.value, width: width, at: place)
        try emitNumber(value.value, width, at: place)
      } catch let reason as NoValue {
        switch reason {
        case .undefined, .floating:
          try emitNumber(0, width, at: place)
          fixups.append(field)
        default: throw report(reason, at: place, needed: nil)
        }
      } catch {
        throw Reported()
      }
    } while cursor.take(",")
    try expectEnd(&cursor)
  }

  func check(_ value: Int64, width: Int, at place: Place) {
    let bits = Int64(width * 8)
    guard value < -(1 << (bits - 1)) || value >= 1 << bits else { return }
    warn("value-truncated", "\(value) does not fit in \(bits) bits and is cut off", at: place)
  }

  private func emitNumber(_ value: Int64, _ width: Int, at place: Place) throws(Reported) {
    try emit((0..<width).map { UInt8(truncatingIfNeeded: value >> Int64($0 * 8)) }, at: place)
  }

  private func strings(terminated: Bool, _ cursor: inout LineCursor) throws(Reported) {
    repeat {
      cursor.skipSpaces()
      let place = cursor.placeOfNext()
      guard cursor.take("\"") else {
        throw report("expected-string", "expected a string in double quotes", at: place)
      }
      try emit(try string(&cursor, from: place) + (terminated ? [0] : []), at: place)
    } while cursor.take(",")
    try expectEnd(&cursor)
  }

  /// The bytes of a string whose opening quote has been taken.
  private func string(_ cursor: inout LineCursor, from place: Place) throws(Reported) -> [UInt8] {
    var bytes: [UInt8] = []
    while cursor.byte != UInt8(ascii: "\"") || cursor.isAtEnd {
      guard let value = character(&cursor, quote: UInt8(ascii: "\"")) else {
        throw report("unterminated-string", "string does not end", at: place)
      }
      bytes.append(UInt8(truncatingIfNeeded: value))
    }
    cursor.position += 1
    return bytes
  }

  private func fill(_ directive: Directive, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let count = try value(&cursor, in: 0...Int64(Self.reservationLimit), for: "`\(directive.rawValue)`")
    var width: Int64 = 1
    var pattern: Int64 = 0
    if directive == .fill, cursor.take(",") {
      width = try value(&cursor, in: 1...8, for: "the unit of `.fill`")
    }
    if cursor.take(",") { pattern = try value(&cursor, in: .min ... .max, for: "the filling value") }
    try expectEnd(&cursor)
    let total = Int(count * width)
    guard pattern != 0 else { return try reserve(total, at: place) }
    guard total <= limits.bytes else {
      throw report("too-large", "the program is larger than \(limits.bytes >> 10) KiB", at: place)
    }
    let unit = (0..<width).map { UInt8(truncatingIfNeeded: pattern >> ($0 * 8)) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(total)
    for _ in 0..<count { bytes += unit }
    try emit(bytes, at: place)
  }

  // MARK: Blocks

  private func includeFile(_ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let namePlace = cursor.placeOfNext()
    guard cursor.take("\"") else {
      throw report("expected-string", "expected a file name in double quotes", at: namePlace)
    }
    let name = String(decoding: try string(&cursor, from: namePlace), as: UTF8.self)
    try expectEnd(&cursor)
    let text = include?(name) ?? (name == ToyConstants.fileName ? Array(ToyConstants.source.utf8) : nil)
    guard let text else {
      throw report(
        "include-not-found", "file `\(name)` cannot be included: it is not there", at: namePlace,
        help: "`\(ToyConstants.fileName)` is built in")
    }
    try push(source: SourceText(name: name, bytes: text), from: place)
  }

  func conditional(_ directive: Directive, _ cursor: inout LineCursor, at place: Place) throws(Reported) {
    let floor = frames.last?.conditionalDepth ?? 0
    switch directive {
    case .if, .ifdef, .ifndef:
      guard conditionals.count < 1000 else {
        throw report("too-deep", "conditionals are nested more than 1000 deep", at: place)
      }
      let outer = conditionals.last?.active ?? true
      conditionals.append(Conditional(active: false, decided: true, place: place))
      guard outer else { return }
      let holds = try condition(directive, &cursor)
      conditionals[conditionals.count - 1].active = holds
      conditionals[conditionals.count - 1].decided = holds
    default:
      guard conditionals.count > floor else {
        throw report("unexpected-end", "`\(directive.rawValue)` without `.if`", at: place)
      }
      let top = conditionals.count - 1
      if directive == .endif {
        conditionals.removeLast()
        return try expectEnd(&cursor)
      }
      guard !conditionals[top].seenElse else {
        throw report(
          "unexpected-end", "`\(directive.rawValue)` after `.else`", at: place,
          label: (conditionals[top].place, "conditional begins here"))
      }
      if directive == .else { conditionals[top].seenElse = true }
      conditionals[top].active = false
      guard !conditionals[top].decided else { return }
      let holds = directive == .else ? true : try condition(.if, &cursor)
      conditionals[top].active = holds
      conditionals[top].decided = holds
      if directive == .else { try expectEnd(&cursor) }
    }
  }

  private func condition(_ directive: Directive, _ cursor: inout LineCursor) throws(Reported) -> Bool {
    if directive == .if {
      let holds = try value(&cursor, in: .min ... .max, for: "`.if`") != 0
      try expectEnd(&cursor)
      return holds
    }
    guard let name = cursor.identifier() else {
      throw report("expected-name", "expected a name", at: cursor.placeOfNext())
    }
    try expectEnd(&cursor)
    let defined = symbolNumbers[name].map { symbols[$0].definedAt != nil } ?? false
    return defined == (directive == .ifdef)
  }

  private func defineMacro(_ cursor: inout LineCursor, at place: Place) throws(Reported) {
    cursor.skipSpaces()
    let start = cursor.position
    let name = cursor.identifier()
    let namePlace = cursor.place(from: start)
    var parameters: [(name: String, fallback: [UInt8]?)] = []
    var problem: Reported?
    _ = cursor.take(",")
    while !cursor.isAtEnd, let parameter = cursor.identifier() {
      var fallback: [UInt8]?
      if cursor.take("=") {
        cursor.skipSpaces()
        let from = cursor.position
        while !cursor.isAtEnd, cursor.byte != UInt8(ascii: ",") { cursor.position += 1 }
        fallback = Array(cursor.line.bytes[from..<cursor.position])
        while let last = fallback?.last, last.isSpace { fallback?.removeLast() }
      }
      parameters.append((parameter, fallback))
      _ = cursor.take(",")
      cursor.skipSpaces()
    }
    do { try expectEnd(&cursor) } catch { problem = error }
    // The body is read even if the head is wrong, so that it is not taken for statements.
    let body = try collect(from: place, open: [".macro"], close: ".endm")
    if let problem { throw problem }
    guard let name else { throw report("expected-name", "expected a name for the macro", at: namePlace) }
    switch statements[name] {
    case nil: break
    case .macro(let old):
      throw report(
        "duplicate-macro", "macro `\(name)` is defined twice", at: namePlace,
        label: (macros[old].place, "first defined here"))
    default: throw report("duplicate-macro", "`\(name)` already means something else", at: namePlace)
    }
    macros.append(Macro(name: name, parameters: parameters, body: body, place: namePlace))
    statements[name] = .macro(macros.count - 1)
  }

  private func repetition(_ cursor: inout LineCursor, at place: Place) throws(Reported) {
    var count: Int64 = 0
    var problem: Reported?
    do {
      count = try value(&cursor, in: 0...Int64(Self.repetitionLimit), for: "`.rept`")
      try expectEnd(&cursor)
    } catch {
      problem = error
    }
    let body = try collect(from: place, open: [".rept"], close: ".endr")
    if let problem { throw problem }
    if count > 0 { try push(body, count: Int(count), name: "repetition", from: place) }
  }
}
