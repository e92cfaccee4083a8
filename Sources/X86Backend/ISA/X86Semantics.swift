import MachineCore

struct X86Semantics {
  let row: X86Row
  let form: X86Form
  var effects: [Effect] { [.unsupported("semantics of \(row.mnemonic)")] }
}
enum X86System {
  static let semantics = SystemSemantics(
    procedures: [], translate: 0, deliver: 0, interruptible: .constant(0), interruptCauseBase: 32,
    mode: .constant(0), decodeContext: .constant(0), programCounter: X86Register.rip.id,
    waiting: X86Register.halted.id, illegalCause: 6)
}
