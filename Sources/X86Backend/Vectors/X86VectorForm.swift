internal import MachineCore
package import Trace

extension X86InstructionSet {
  /// What a runner of single instructions must know of one.
  package struct VectorForm: Sendable {
    /// Bytes.
    package var length: Int
    /// A repeated string instruction: each iteration is a step of its own here.
    package var isRepeated: Bool
    /// Waits for an interrupt.
    package var isHalt: Bool
    /// Flags that the operation leaves undefined in some case.
    package var undefinedFlags: UInt64
    /// May raise a divide error, after which the flags that were stored are undefined.
    package var mayDivide: Bool
  }

  /// The instruction at the start of the bytes; `nil` when there is none that is known.
  package func vectorForm(of bytes: InstructionBytes, context: X86DecodeContext) -> VectorForm? {
    guard case .decoded(let decoded) = X86Decoder.shared.decode(bytes, context: context.on(model)) else {
      return nil
    }
    let row = X86Row.all[decoded.row]
    var isString = false
    switch row.operation {
    case .movs, .stos, .lods, .scas, .cmps, .ins, .outs: isString = true
    default: break
    }
    return VectorForm(
      length: decoded.length, isRepeated: isString && decoded.form.repeats != 0,
      isHalt: row.operation == .hlt, undefinedFlags: X86OperationNote[row.operation].undefined.rawValue,
      mayDivide: [.div, .idiv, .aam].contains(row.operation))
  }
}

extension X86InstructionSet {
  /// Operations that some row of the table has.
  package static var operationsOfRows: Set<X86Operation> { Set(X86Row.all.map(\.operation)) }

  /// The operation of each definition, in the same order.
  package static var operationsOfDefinitions: [X86Operation] {
    X86Row.all.flatMap { row in [X86Operation](repeating: row.operation, count: row.formCount) }
  }
}
