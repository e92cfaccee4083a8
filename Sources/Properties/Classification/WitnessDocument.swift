internal import MachineCore
internal import ToyISA

/// A witness as it stands in a JSON file: registers by name, numbers in hexadecimal.
public struct WitnessDocument: Codable, Sendable, Equatable {
  /// A run of bytes in guest-physical storage.
  public struct Block: Codable, Sendable, Equatable {
    var address: String
    var bytes: String
  }

  /// One state.
  public struct State: Codable, Sendable, Equatable {
    var registers: [String: String]
    var tlb: [String: String]
    var storage: [Block]
    var time: String
    var input: String
  }

  var schema: String
  var version: Int
  var isa: String
  /// Name of the variant that it is for.
  public var variant: String
  var instruction: String
  var word: String
  var shows: String
  var axis: String
  var first: State
  var second: State

  /// Name of the schema.
  public static let schemaName = "triad-witness"

  /// The document of a witness.
  ///
  /// - Parameter name: of a variant that has replaced rows, in place of the witness's own.
  public init(_ witness: Witness, variant name: String? = nil) {
    schema = Self.schemaName
    version = 1
    isa = "toy"
    variant = name ?? witness.variant.rawValue
    instruction = witness.instruction
    word = hex(UInt64(witness.word), digits: 8)
    shows = witness.shows.name
    axis = witness.axis
    first = State(witness.first)
    second = State(witness.second)
  }

  /// The witness of a document.
  ///
  /// - Parameter name: of a variant with replaced rows, taken to be `classic`, beside the variants that there are.
  /// - Throws: ``WitnessError`` naming the field that is not usable.
  public func witness(knowing name: String? = nil) throws(WitnessError) -> Witness {
    guard schema == Self.schemaName, version == 1 else {
      throw WitnessError("`schema` and `version` must be \(Self.schemaName) 1, not \(schema) \(version)")
    }
    guard isa == "toy", let variant = variant == name ? .classic : ToyVariant(rawValue: variant) else {
      throw WitnessError("there is no instruction set \(isa) \(variant)")
    }
    let claims = [Witness.Claim.privileged] + Sensitivity.all.map { .sensitive($0) }
    guard let claim = claims.first(where: { $0.name == shows }) else {
      throw WitnessError("`shows` is none of " + claims.map(\.name).joined(separator: "; "))
    }
    return Witness(
      variant: variant, word: UInt32(truncatingIfNeeded: try hexNumber(word, "word")), shows: claim,
      axis: axis,
      first: try first.state(), second: try second.state())
  }
}

func hexNumber(_ text: String, _ field: String) throws(WitnessError) -> UInt64 {
  guard text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) else {
    throw WitnessError("`\(field)` is to be a number such as 0x1f, not `\(text)`")
  }
  return value
}

func hexBytes(_ text: String, _ field: String) throws(WitnessError) -> [UInt8] {
  let digits = Array(text.utf8)
  var result: [UInt8] = []
  for place in stride(from: 0, to: digits.count, by: 2) {
    guard place + 1 < digits.count,
      let byte = UInt8(String(decoding: digits[place...place + 1], as: UTF8.self), radix: 16)
    else { throw WitnessError("`\(field)` is to be pairs of hexadecimal digits") }
    result.append(byte)
  }
  return result
}

extension WitnessDocument.State {
  init(_ state: MachineState) {
    registers = Dictionary(
      uniqueKeysWithValues: zip(ToyRegister.table.map(\.name), state.processor.registers.map { hex($0) }))
    tlb = [:]
    for (page, entry) in state.processor.auxiliaries.first ?? [:] { tlb[hex(page)] = hex(entry) }
    storage = state.storage.map { .init(address: hex($0.address), bytes: hexString($0.bytes)) }
    time = hex(state.time)
    input = hexString(state.input)
  }

  func state() throws(WitnessError) -> MachineState {
    var values: [UInt64] = []
    for register in ToyRegister.table {
      guard let text = registers[register.name] else {
        throw WitnessError("`registers` has no `\(register.name)`")
      }
      values.append(try hexNumber(text, register.name))
    }
    var table: [UInt64: UInt64] = [:]
    for (page, entry) in tlb { table[try hexNumber(page, "tlb")] = try hexNumber(entry, "tlb") }
    var blocks: [MachineState.Block] = []
    for block in storage {
      blocks.append(.init(try hexNumber(block.address, "address"), try hexBytes(block.bytes, "bytes")))
    }
    return MachineState(
      processor: ProcessorState(registers: values, auxiliaries: [table]), storage: blocks,
      time: try hexNumber(time, "time"), input: try hexBytes(input, "input"))
  }
}
