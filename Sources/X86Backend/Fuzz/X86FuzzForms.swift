package import MachineCore
internal import Trace

/// One form of an instruction, as far as it tells what states it is found in.
package struct X86FuzzForm: Sendable {
  /// Operands that are constants, by their number.
  package var constants: [Int: UInt64] = [:]
  /// Widths of operands that are not extended with their sign.
  package var widths: [Int: Width] = [:]
  /// It exists in 64-bit mode only.
  package var is64 = false
  /// The width of the stack pointer; `nil` where it makes no difference.
  package var stack: Width?
}

extension X86FuzzMachine {
  /// How code of the states that are made can be read.
  package var contexts: [X86DecodeContext] {
    let all: [X86DecodeContext] =
      switch mode {
      case .real16: [.real16]
      case .protected32: [.flat32, X86DecodeContext(code: .bits32, stack: .bits16, protected: true)]
      case .long64: [.long64]
      }
    return all.map { $0.on(model) }
  }

  /// All definitions by their numbers.
  package var forms: [Int: X86FuzzForm] {
    var result: [Int: X86FuzzForm] = [:]
    let definitions = X86Definitions.of(model)
    for (number, row) in X86Row.all.enumerated() {
      for index in 0..<row.formCount {
        let form = row.form(at: index)
        var found = X86FuzzForm()
        for (place, code) in row.operands.enumerated() {
          if code == .one { found.constants[place] = 1 }
          switch code {
          case .eb, .gb, .zb, .ob, .al: found.widths[place] = .bits8
          case .ew, .gw: found.widths[place] = .bits16
          case .ry, .ev, .gv, .zv, .ov, .rAX, .ap, .mp: found.widths[place] = form.operand
          default: break
          }
        }
        found.is64 =
          form.operand == .bits64 || (row.dependsOnAddress && form.address == .bits64)
          || (row.dependsOnStack && form.stack == .bits64)
          || !row.attributes.isDisjoint(with: [.only64, .rexR, .rexW])
        if row.dependsOnStack, form.stack != .bits64 { found.stack = form.stack }
        result[definitions.index(number, form)] = found
      }
    }
    return result
  }

  /// Numbers of the definitions that the decoder can give: every row with every combination of the prefixes
  /// that make other forms of it.
  package var possibleDefinitions: Set<Int> {
    var found: Set<Int> = []
    let definitions = X86Definitions.of(model)
    let rex: [[UInt8]] = mode == .long64 ? [[], [0x40], [0x48], [0x4C]] : [[]]
    for (number, row) in X86Row.all.enumerated()
    where X86CaseGenerator.reason(number, mode, model) == nil && row.operation != .tooLong {
      var fixed: [UInt8] = []
      if row.attributes.contains(.prefix66) { fixed.append(0x66) }
      if row.attributes.contains(.prefixF2) { fixed.append(0xF2) }
      if row.attributes.contains(.prefixF3) { fixed.append(0xF3) }
      let escape: [[UInt8]] = [[], [0x0F], [0x0F, 0x38], [0x0F, 0x3A]]
      // Register 0 and digit 0 can be another row's: XCHG with itself is NOP, and of hints some have names.
      let last = UInt8(row.opcode & 0xFF) + (row.plusRegister ? 1 : 0)
      let opcode = escape[row.opcode >> 8] + [last]
      var tails: [[UInt8]] = [[]]
      if row.hasModRM {
        let digits: [UInt8] = row.digit.map { [$0] } ?? [0, 7]
        tails = row.exactModRM.map { [[$0]] } ?? digits.flatMap { [[0xC0 | $0 << 3], [$0 << 3]] }
      }
      for sizes in [[], [0x66], [0x67], [0x66, 0x67]] as [[UInt8]] {
        for repeats in [[], [0xF2], [0xF3]] as [[UInt8]] {
          for rex in rex {
            for tail in tails {
              let bytes = InstructionBytes(
                Array(
                  (sizes + repeats + fixed + rex + opcode + tail + [UInt8](repeating: 0, count: 15)).prefix(
                    15)))
              for context in contexts {
                if case .decoded(let decoded) = X86Decoder.shared.decode(bytes, context: context),
                  decoded.row == number
                {
                  found.insert(definitions.index(number, decoded.form))
                }
              }
            }
          }
        }
      }
    }
    return found
  }
}
