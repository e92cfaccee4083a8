internal import MachineCore
internal import Trace
internal import X86Backend

/// Fuzz cases as lines of JSON in the form of hardware captures, for other programs to run.
///
/// `Docs/Vectors.md` says what is in them.
struct X86CaseText {
  private let machine: X86FuzzMachine
  private let set: X86InstructionSet

  init(_ machine: X86FuzzMachine) {
    self.machine = machine
    set = X86InstructionSet(model: machine.model)
  }

  /// The first line: what all cases start from.
  func head(seed: UInt64) -> String {
    var ram: [String] = []
    var place = 0
    let memory = machine.memory
    while place < memory.count {
      if memory[place] == 0 {
        place += 1
        continue
      }
      // Stretches of storage that hold something, parted by 64 zeros or more.
      var end = place + 1
      var last = end
      while end < memory.count, end - last < 64 {
        end += 1
        if memory[end - 1] != 0 { last = end }
      }
      ram.append("[\(place),\"\(hexString(memory[place..<last]))\"]")
      place = end
    }
    let registers = X86Register.allCases.map { "\"\($0)\":\(machine.base[$0])" }.joined(separator: ",")
    return "{\"mode\":\(machine.mode.rawValue),\"cpu\":\"\(machine.model.rawValue)\",\"seed\":\(seed),"
      + "\"memory\":\(X86FuzzMachine.memorySize),\"code\":\(machine.code),"
      + "\"physicalCode\":\(machine.physicalCode),\"handlers\":\(X86FuzzMachine.handlers),\"regs\":{\(registers)},\"ram\":[\(ram.joined(separator: ","))]}\n"
  }

  /// One case: what is different from the head before it, and what it changed.
  func line(
    _ tried: X86FuzzCase, index: UInt64, after: ProcessorState, end: StopReason, undefined: [UInt64],
    memory: GuestMemory, changed: [(place: Int, value: UInt8)]
  ) -> String {
    let decoded = X86FuzzRow.decode(tried.bytes, tried.state, machine)
    let text = set.disassemble(
      InstructionBytes(tried.bytes), pc: tried.state[.rip],
      context: X86DecodeContext(machine.mode).rawValue)
    var result = "{\"name\":\"\(text)\",\"idx\":\(index)"
    if let decoded {
      result += ",\"row\":\"\(X86FuzzRow.text(decoded.row))\",\"length\":\(decoded.length)"
    }
    result += ",\"bytes\":[\(tried.bytes.map(String.init).joined(separator: ","))]"
    result += ",\"initial\":{\"regs\":{\(changes(machine.base, tried.state))}}"
    result += ",\"final\":{\"regs\":{\(changes(tried.state, after))},\"ram\":["
    let code = Int(machine.physicalCode)
    var ram = changed.filter { !tried.bytes.indices.contains($0.place - code) }
    for (offset, byte) in tried.bytes.enumerated() {
      if let value = memory.load(UInt64(code + offset), width: 1), value != UInt64(byte) {
        ram.append((code + offset, UInt8(truncatingIfNeeded: value)))
      }
    }
    result += ram.map { "[\($0.place),\($0.value)]" }.joined(separator: ",")
    result += "]},\"end\":\"\(StopReason.names[Int(end.code)])\""
    if case .unsupported(let what) = end { result += ",\"why\":\"\(what.reason)\"" }
    if let vector = machine.vector(after) { result += ",\"exception\":\(vector)" }
    let masks = X86Register.allCases.filter { undefined[$0.index] != 0 }.map {
      "\"\($0)\":\(undefined[$0.index])"
    }
    if !masks.isEmpty { result += ",\"undefined\":{\(masks.joined(separator: ","))}" }
    return result + "}\n"
  }

  private func changes(_ old: ProcessorState, _ new: ProcessorState) -> String {
    X86Register.allCases.filter { old[$0] != new[$0] }.map { "\"\($0)\":\(new[$0])" }.joined(separator: ",")
  }
}
