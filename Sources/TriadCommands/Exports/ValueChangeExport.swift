import Trace

/// Value change dump (IEEE 1364), for GTKWave and Surfer: registers, program counter, mode and trap cause over the clock.
///
/// One retired instruction takes a nanosecond. A value is unknown (`x`) until the trace tells it.
struct ValueChangeExport: TraceExport {
  static let name = "vcd"
  static let summary = "value change dump, for GTKWave and Surfer: registers over the clock"
  static let takesSeveral = false

  private let output: ExportOutput
  private var trace: ExportedTrace?
  private var time: UInt64?
  private var width = 64
  private var codes: [String] = []
  /// Traps are a pulse: at the next instant the cause is unknown again.
  private var pulse: UInt64?

  init(to output: ExportOutput) { self.output = output }

  private static let pc = 0
  private static let mode = 1
  private static let cause = 2
  private static let port = 3
  private static let firstRegister = 4

  mutating func begin(_ trace: ExportedTrace) {
    self.trace = trace
    width = trace.registerWidth
    let header = trace.header
    output.put("$version triad $end\n")
    output.put("$comment \(word(header.program)) on \(word(header.engine)) $end\n$timescale 1ns $end\n")
    output.put("$scope module \(word(header.engine)) $end\n")
    let names = ["insn_pc", "privilege", "trap", "port"] + header.registers
    var taken: Set<String> = []
    for (number, name) in names.enumerated() {
      codes.append(Self.identifier(number))
      var label = word(name)
      // Register names that a fixed one has already, or that are empty.
      if label.isEmpty || !taken.insert(label).inserted { label = "reg\(number - Self.firstRegister)" }
      output.put("$var wire \(number == Self.mode ? 4 : width) \(codes[number]) \(label) $end\n")
    }
    output.put("$upscope $end\n$enddefinitions $end\n$dumpvars\n")
    for code in codes { output.put("bx \(code)\n") }
    output.put("$end\n")
  }

  mutating func event(_ head: TraceRecord, _ effects: [TraceRecord]) {
    guard let kind = head.eventKind, kind.isGuest, kind != .digest else { return }
    advance(to: head.clock)
    change(Self.mode, UInt64(head.mode))
    switch kind {
    case .retire: change(Self.pc, head.pc)
    case .trap, .interrupt:
      change(Self.pc, head.pc)
      change(Self.cause, UInt64(head.code))
      pulse = head.clock
    case .device: change(Self.port, UInt64(head.code))
    default: break
    }
    for effect in effects where effect.eventKind == .registerWrite {
      change(Self.firstRegister + Int(effect.code), effect.value)
    }
  }

  mutating func end() {
    if let time, time < .max { output.put("#\(time + 1)\n") }
  }

  mutating func finish() {}

  private mutating func advance(to clock: UInt64) {
    guard time.map({ clock > $0 }) ?? true else { return }
    time = clock
    output.put("#\(clock)\n")
    if let pulse, clock > pulse {
      output.put("bx \(codes[Self.cause])\n")
      self.pulse = nil
    }
  }

  private func change(_ variable: Int, _ value: UInt64) {
    guard variable < codes.count else { return }
    let kept = width == 32 ? value & 0xFFFF_FFFF : value
    output.put("b\(String(kept, radix: 2)) \(codes[variable])\n")
  }

  /// A short code of printable characters, as the format wants it.
  private static func identifier(_ number: Int) -> String {
    var rest = number
    var text = ""
    repeat {
      text.unicodeScalars.append(Unicode.Scalar(UInt8(33 + rest % 94)))
      rest /= 94
    } while rest > 0
    return text
  }

  /// A name without spaces.
  private func word(_ text: String) -> String {
    String(text.map { $0.isWhitespace || $0 == "$" || !$0.isASCII ? "_" : $0 })
  }
}
