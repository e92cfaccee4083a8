package import MachineCore
package import Trace

extension X86FuzzRow {
  /// Name under which a row's instruction is classified: forms that use segment registers or far pointers are
  /// instructions of their own.
  package static func classifiedName(_ row: Int) -> String {
    let row = X86Row.all[row]
    switch row.operation {
    case .movFromSegment: return "MOV from segment"
    case .movToSegment: return "MOV to segment"
    case .pushSegment: return "PUSH segment"
    case .popSegment: return "POP segment"
    case .callFar: return "CALL far"
    case .jmpFar: return "JMP far"
    case .retFar: return "RET far"
    case .int: return "INT n"
    case .storeTable: return row.condition == 1 ? "STR" : "SLDT"
    case .movFromControl, .movToControl: return "MOV control"
    case .movFromDebug, .movToDebug: return "MOV debug"
    case .pushf: return "PUSHF"
    case .popf: return "POPF"
    case .iret: return "IRET"
    default: return row.mnemonic.uppercased()
    }
  }

  /// Numbers of a row's definitions in the instruction set.
  package static func definitions(_ row: Int) -> Range<Int> {
    let first = X86Definitions.of(.modern).index(row, X86Row.all[row].form(at: 0))
    return first..<(first + X86Row.all[row].formCount)
  }

  /// Registers of the system that a decoded operand of a row can be; none for other operands.
  package static func systemOperand(_ row: Int, _ place: Int) -> [X86Register] {
    let row = X86Row.all[row]
    guard place < row.operands.count else { return [] }
    switch row.operands[place] {
    case .sw: return [.es, .cs, .ss, .ds, .fs, .gs]
    case .esSegment: return [.es]
    case .csSegment: return [.cs]
    case .ssSegment: return [.ss]
    case .dsSegment: return [.ds]
    case .fsSegment: return [.fs]
    case .gsSegment: return [.gs]
    case .cy: return [.cr0, .cr2, .cr3, .cr4, .cr8]
    default: return []
    }
  }

  /// The procedure by which the processor fills stacks.
  package static let frameStore: ProcedureID = X86System.frameStore

  /// The first vector whose gate ``openGates(_:_:)`` opens.
  package static let firstOpenGate: UInt64 = 32

  /// Opens the gates of software interrupts to ring 3, in a copy of the surroundings' storage.
  package static func openGates(_ memory: inout [UInt8], _ mode: X86Mode) {
    let size = mode == .long64 ? 16 : 8
    for vector in Int(firstOpenGate)..<256 {
      let place = Int(X86FuzzMachine.interruptTable) + vector * size + 5
      if place < memory.count { memory[place] = 0xEE }
    }
  }
}

extension X86FuzzRow {
  /// The row that an instruction decodes to; `nil` when its bytes are none, or not that many.
  package static func row(of bytes: InstructionBytes, _ context: X86DecodeContext) -> Int? {
    guard case .decoded(let decoded) = X86Decoder.shared.decode(bytes, context: context),
      decoded.length == bytes.count
    else { return nil }
    return decoded.row
  }
}
