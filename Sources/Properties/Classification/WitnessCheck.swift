internal import MachineCore
internal import ToyISA

/// Whether a witness is one at all: states of the small machine, the instruction in them, and between the two no
/// difference but the one that the claim is about.
struct WitnessCheck {
  private let witness: Witness

  init(_ witness: Witness) { self.witness = witness }

  private static let timeLimit: UInt64 = 1 << 40
  private static let page: UInt64 = 0xFFFF_F000

  private var isControl: Bool {
    if case .sensitive(let kind) = witness.shows {
      !kind.isDisjoint(with: [.supervisorControl, .userControl])
    } else {
      false
    }
  }

  func check() throws(WitnessError) {
    try checkState(witness.first)
    if !isControl { try checkState(witness.second) }
    try checkClaim()
    guard !isControl else { return }
    let found = differences
    var allowed: Set<String> = [witness.axis]
    // Another page is another entry of the TLB; paging brings one.
    if witness.axis == "base" || witness.axis == "paging" { allowed.insert("TLB entry 0") }
    guard found.contains(witness.axis), found.isSubset(of: allowed) else {
      throw WitnessError(
        "the states are to differ in \(witness.axis), but they differ in "
          + (found.isEmpty ? "nothing" : found.sorted().joined(separator: ", ")))
    }
  }

  /// The claim must be one that such a pair can show, in the mode of the first state.
  private func checkClaim() throws(WitnessError) {
    let isUser = witness.first.processor.registers[Int(ToyRegister.mode)] != 0
    let shown: [Witness.Claim]
    if isControl {
      shown = [.sensitive(isUser ? .userControl : .supervisorControl)]
    } else if let axis = ToyStateSpace.Axis(rawValue: witness.axis) {
      shown = [.sensitive(axis.shows(user: isUser))] + (axis == .mode ? [.privileged] : [])
    } else {
      shown = []
    }
    guard shown.contains(witness.shows) else {
      throw WitnessError(
        "states that differ in \(witness.axis), the first in \(isUser ? "user" : "supervisor") mode, cannot show \"\(witness.shows.name)\""
      )
    }
  }

  /// A state must fit the small machine; its last block is the window that relocation leads to, and holds the instruction.
  private func checkState(_ state: MachineState) throws(WitnessError) {
    let registers = state.processor.registers
    guard registers.count == ToyRegister.table.count, state.processor.auxiliaries.count == 1 else {
      throw WitnessError("a state does not have the registers and tables of the toy processor")
    }
    for (register, value) in zip(ToyRegister.table, registers)
    where value >> UInt64(register.width) != 0 || register.isZero && value != 0 {
      throw WitnessError("`\(register.name)` cannot be \(hex(value))")
    }
    guard state.time < Self.timeLimit else {
      throw WitnessError("`time` is to be below \(hex(Self.timeLimit))")
    }
    for block in state.storage {
      guard block.address <= UInt64(ToySmallMachine.storageSize),
        block.bytes.count <= ToySmallMachine.storageSize - Int(block.address)
      else { throw WitnessError("storage at \(hex(block.address)) is outside the small machine") }
    }
    guard let window = state.storage.last, window.bytes.count == ToySmallMachine.windowSize else {
      throw WitnessError("the last block of storage must be the window of 256 bytes")
    }
    let isPaged = registers[Int(ToyRegister.paging)] != 0
    let place =
      isPaged
      ? (state.processor.auxiliaries[0][0] ?? 0) & Self.page : registers[Int(ToyRegister.base)]
    guard place == window.address else {
      throw WitnessError(
        "\(isPaged ? "the TLB's entry 0" : "`base`") leads to \(hex(place)), but the window is at \(hex(window.address))"
      )
    }
    let pc = registers[Int(ToyRegister.pc)]
    guard pc <= UInt64(ToySmallMachine.windowSize - 4),
      (0..<4).allSatisfy({
        window.bytes[Int(pc) + $0] == UInt8(truncatingIfNeeded: witness.word >> UInt32(8 * $0))
      })
    else { throw WitnessError("the window does not hold the instruction's word at pc \(hex(pc))") }
  }

  /// In what the states differ, by the names of the axes where there is one.
  private var differences: Set<String> {
    let (first, second) = (witness.first, witness.second)
    var found: Set<String> = []
    for (index, pair) in zip(first.processor.registers, second.processor.registers).enumerated()
    where pair.0 != pair.1 {
      switch RegisterID(index) {
      case ToyRegister.paging: found.insert("paging")
      case ToyRegister.interruptEnable: found.insert("interrupt enable")
      default: found.insert(ToyRegister.table[index].name)
      }
    }
    let (one, other) = (first.processor.auxiliaries[0], second.processor.auxiliaries[0])
    if one[0] != other[0] { found.insert("TLB entry 0") }
    if one.filter({ $0.key != 0 }) != other.filter({ $0.key != 0 }) { found.insert("TLB") }
    if first.time != second.time { found.insert("time") }
    if first.input != second.input { found.insert("device") }
    // The window may lie elsewhere, but is to be the same; all else stays where it is.
    if first.storage.last?.bytes != second.storage.last?.bytes
      || first.storage.dropLast() != second.storage.dropLast()
    {
      found.insert("storage")
    }
    return found
  }
}
