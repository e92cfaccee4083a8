internal import MachineCore
internal import X86Backend

/// An x86 witness as it stands in a JSON file: registers by name, numbers in hexadecimal.
///
/// The schema is that of ``WitnessDocument`` with `isa` x86; registers that are not named are zero.
public struct X86WitnessDocument: Codable, Sendable, Equatable {
  /// One state.
  public struct State: Codable, Sendable, Equatable {
    var registers: [String: String]
    /// Translations that the processor keeps, by `table:index`.
    var tlb: [String: String]
    var storage: [WitnessDocument.Block]
    var time: String
  }

  var schema: String
  var version: Int
  var isa: String
  var mode: Int
  var name: String
  var instruction: String
  var bytes: String
  var shows: String
  var ring: Int?
  var axis: String
  var first: State
  var second: State

  /// The document of a witness.
  public init(_ witness: X86Witness) {
    schema = WitnessDocument.schemaName
    version = 1
    isa = "x86"
    mode = witness.mode.rawValue
    name = witness.name
    instruction = witness.instruction
    bytes = hexString(witness.code)
    shows = witness.reason?.name ?? "privileged"
    ring = witness.ring.map { Int($0) }
    axis = witness.axis.joined(separator: ", ")
    first = State(witness.first)
    second = State(witness.second)
  }

  /// The witness of a document.
  ///
  /// - Throws: ``WitnessError`` naming the field that is not usable.
  public func witness() throws(WitnessError) -> X86Witness {
    guard schema == WitnessDocument.schemaName, version == 1 else {
      throw WitnessError(
        "`schema` and `version` must be \(WitnessDocument.schemaName) 1, not \(schema) \(version)")
    }
    guard isa == "x86", let mode = X86Mode(rawValue: mode), mode != .real16 else {
      throw WitnessError("`isa` and `mode` must be x86 and 32 or 64, not \(isa) and \(self.mode)")
    }
    var reason: X86Reason?
    if shows != "privileged" {
      reason = X86Reason.allCases.first { $0.name == shows }
      guard reason != nil else {
        throw WitnessError(
          "`shows` is none of privileged, " + X86Reason.allCases.map(\.name).joined(separator: ", "))
      }
    }
    guard ring == nil || ring == 0 || ring == 3 else { throw WitnessError("`ring` is to be 0 or 3") }
    let code = try hexBytes(bytes, "bytes")
    guard (1...15).contains(code.count) else {
      throw WitnessError("`bytes` is to be an instruction of 1 to 15 bytes")
    }
    return X86Witness(
      mode: mode, name: name, bytes: code + [UInt8](repeating: 0xF4, count: 15 - code.count), reason: reason,
      ring: ring.map { UInt64($0) }, first: try first.state(), second: try second.state())
  }
}

extension X86WitnessDocument.State {
  init(_ state: MachineState) {
    registers = [:]
    for register in X86Register.allCases where state.processor[register] != 0 {
      registers[register.name] = hex(state.processor[register])
    }
    tlb = [:]
    for (number, table) in state.processor.auxiliaries.enumerated() {
      for (index, entry) in table { tlb["\(number):\(hex(index))"] = hex(entry) }
    }
    storage = state.storage.map { .init(address: hex($0.address), bytes: hexString($0.bytes)) }
    time = hex(state.time)
  }

  func state() throws(WitnessError) -> MachineState {
    var processor = ProcessorState(registers: [UInt64](repeating: 0, count: X86Register.allCases.count))
    for (name, text) in registers {
      guard let register = X86Register.allCases.first(where: { $0.name == name }) else {
        throw WitnessError("there is no register `\(name)`")
      }
      let value = try hexNumber(text, name)
      let width = register.descriptor.width
      guard width == 64 || value >> UInt64(width) == 0 else {
        throw WitnessError("`\(name)` has \(width) bits; \(text) is too large")
      }
      processor[register] = value
    }
    let tables = X86InstructionSet().auxiliaries.count
    if !tlb.isEmpty { processor.auxiliaries = Array(repeating: [:], count: tables) }
    for (key, entry) in tlb {
      let parts = key.split(separator: ":", maxSplits: 1).map(String.init)
      guard parts.count == 2, let table = Int(parts[0]), (0..<tables).contains(table) else {
        throw WitnessError(
          "`tlb` is to have keys such as 1:0x206, with a table below \(tables), not `\(key)`")
      }
      processor.auxiliaries[table][try hexNumber(parts[1], "tlb")] = try hexNumber(entry, "tlb")
    }
    var blocks: [MachineState.Block] = []
    for block in storage {
      blocks.append(.init(try hexNumber(block.address, "address"), try hexBytes(block.bytes, "bytes")))
    }
    return MachineState(processor: processor, storage: blocks, time: try hexNumber(time, "time"))
  }
}
