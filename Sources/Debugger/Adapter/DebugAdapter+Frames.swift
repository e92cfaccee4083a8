internal import MachineCore
internal import ToyISA

/// What a reference of the client to variables means, besides a frame's registers.
enum VariableScope: Int, CaseIterable {
  case registers = 1
  case status, trapArea, machine

  /// References from here on are the registers of outer frames, by the frame's number.
  static let firstFrame = 1000
}

/// A frame of the stack.
struct AdapterFrame {
  var address: UInt64
  var name: String
  /// The registers then; `nil` for those that are there now.
  var registers: [UInt64]?
}

extension DebugAdapter {
  /// The frames, the present one first; one more without an address where calls are unknown.
  func frames() -> (frames: [AdapterFrame], isComplete: Bool) {
    let (followed, isComplete) = calls.calls(session)
    var frames: [AdapterFrame] = []
    var address = session.codeAddress
    var registers: [UInt64]?
    for call in followed {
      let label = session.label(of: call.entry, state(registers))?.name ?? hex(call.entry)
      if case .trap(let cause) = call.kind {
        frames.append(AdapterFrame(address: address, name: "\(label) [\(cause)]", registers: registers))
      } else {
        frames.append(AdapterFrame(address: address, name: label, registers: registers))
      }
      address = call.site
      registers = call.registers
    }
    let label = session.label(of: address, state(registers))?.name ?? hex(address)
    frames.append(AdapterFrame(address: address, name: label, registers: registers))
    return (frames, isComplete)
  }

  /// The processor's state with other registers.
  func state(_ registers: [UInt64]?) -> ProcessorState? {
    guard let registers else { return nil }
    var state = session.engine.state
    state.registers = registers
    return state
  }

  func stackTrace(_ arguments: JSON) throws -> JSON {
    let (frames, isComplete) = frames()
    var all = frames.enumerated().map { index, frame -> JSON in
      var fields: [String: JSON?] = [
        "id": .integer(index + 1), "name": .string(frame.name), "line": 0, "column": 0,
        "instructionPointerReference": .string(hex(frame.address)),
      ]
      if let line = session.sourceLine(of: frame.address, state(frame.registers)),
        let file = sources.number(named: line.file)
      {
        fields["source"] = sources.json(file)
        fields["line"] = .integer(line.line - 1 + sources.firstLine)
        fields["column"] = .integer(sources.firstColumn)
      }
      return .fields(fields)
    }
    if !isComplete {
      all.append([
        "id": .integer(frames.count + 1), "name": "(earlier calls were not followed)", "line": 0, "column": 0,
        "presentationHint": "label",
      ])
    }
    let first = max(0, arguments["startFrame"]?.int ?? 0)
    let levels = arguments["levels"]?.int ?? 0
    let shown = all.dropFirst(first).prefix(levels > 0 ? levels : all.count)
    return ["stackFrames": .array(Array(shown)), "totalFrames": .integer(all.count)]
  }

  func scopes(_ arguments: JSON) throws -> JSON {
    let number = arguments["frameId"]?.int ?? 1
    guard number >= 1 else { throw Failure("there is no frame \(number)") }
    func scope(_ name: String, _ reference: Int, _ count: Int, isRegisters: Bool = false) -> JSON {
      .fields([
        "name": .string(name), "variablesReference": .integer(reference), "expensive": false,
        "namedVariables": .integer(count), "presentationHint": isRegisters ? "registers" : nil,
      ])
    }
    guard number == 1 else {
      let all = frames().frames
      guard number <= all.count else { return ["scopes": []] }
      return [
        "scopes": [
          scope(
            "Registers at the call", VariableScope.firstFrame + number, session.mainRegisters.count,
            isRegisters: true)
        ]
      ]
    }
    return [
      "scopes": .array([
        scope(
          "Registers", VariableScope.registers.rawValue, session.mainRegisters.count, isRegisters: true),
        scope(
          "Processor status", VariableScope.status.rawValue, statusRegisters.count, isRegisters: true),
        scope("Trap save area", VariableScope.trapArea.rawValue, TrapWord.all.count),
        scope("Machine", VariableScope.machine.rawValue, machineVariables().count),
      ])
    ]
  }

  /// The parts of the PSW, and what else is no general register.
  var statusRegisters: [Int] {
    let main = Set(session.mainRegisters)
    return session.engine.instructionSet.registers.indices.filter { !main.contains($0) }
  }
}

/// A word of the trap save area.
struct TrapWord {
  var name: String
  var address: UInt64

  static let all: [TrapWord] =
    words("old", TrapArea.oldPSW)
    + [TrapWord(name: "cause", address: TrapArea.cause), TrapWord(name: "value", address: TrapArea.value)]
    + words("new", TrapArea.newPSW)

  private static func words(_ prefix: String, _ start: UInt64) -> [TrapWord] {
    ["flags", "pc", "base", "bound"].enumerated().map { index, name in
      TrapWord(name: "\(prefix) \(name)", address: start + UInt64(index * 4))
    }
  }
}
