internal import MachineCore

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
