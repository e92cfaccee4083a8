/// One captured instruction: the state before it and what was different after it.
package struct HardwareVector {
  /// A register and its value.
  package typealias RegisterValue = (register: X86Register, value: UInt64)
  /// A physical address and the byte there.
  package typealias ByteValue = (address: UInt64, value: UInt8)

  /// Disassembly, as the capture's author wrote it.
  package var name = ""
  /// Number within the file, if the file gives one.
  package var index: Int?
  /// The instruction's bytes.
  package var bytes: [UInt8] = []
  package var initialRegisters: [RegisterValue] = []
  package var initialMemory: [ByteValue] = []
  package var finalRegisters: [RegisterValue] = []
  package var finalMemory: [ByteValue] = []
  /// Bits of registers that are to be compared, where the vector says so.
  package var registerMasks: [RegisterValue] = []
  /// Flags that are to be compared; `nil` where the vector does not say.
  package var flagsMask: UInt64?
  /// Exception number, where the vector says that one happened.
  package var exception: UInt64?
  /// Where the processor stored the flags when it entered the handler.
  package var flagAddress: UInt64?
  /// What identifies the vector among all, in hexadecimal; empty if it has none.
  package var hash = ""

  /// An empty vector, for the reader to fill.
  package init() {}

  mutating func clear() {
    name = ""
    index = nil
    bytes.removeAll(keepingCapacity: true)
    initialRegisters.removeAll(keepingCapacity: true)
    initialMemory.removeAll(keepingCapacity: true)
    finalRegisters.removeAll(keepingCapacity: true)
    finalMemory.removeAll(keepingCapacity: true)
    registerMasks.removeAll(keepingCapacity: true)
    (flagsMask, exception, flagAddress, hash) = (nil, nil, nil, "")
  }
}

/// What is wrong in a file of vectors, and where.
package struct VectorError: Error, CustomStringConvertible {
  package var offset: Int
  package var text: String
  package var description: String { "byte \(offset): \(text)" }
}

/// Vectors of a file, in whichever of the two forms it is.
package enum VectorFile {
  case json(VectorReader)
  case moo(MooReader)

  /// The vectors in the contents of a file, after decompression.
  package init(_ contents: [UInt8]) throws(VectorError) {
    self = MooReader.isMoo(contents) ? .moo(try MooReader(contents)) : .json(VectorReader(contents))
  }

  /// The processor that the file itself names.
  package var model: X86CPUModel? {
    guard case .moo(let reader) = self else { return nil }
    return reader.model
  }

  /// Reads the next vector; `false` after the last one.
  package mutating func next(_ vector: inout HardwareVector) throws(VectorError) -> Bool {
    switch self {
    case .json(var reader):
      self = .json(VectorReader([]))
      defer { self = .json(reader) }
      return try reader.next(&vector)
    case .moo(var reader):
      defer { self = .moo(reader) }
      return try reader.next(&vector)
    }
  }
}
