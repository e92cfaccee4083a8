public import MachineCore

/// A concrete state of a small machine: the paper's ⟨E, M, P, R⟩ and what stands around it.
public struct MachineState: Sendable, Equatable {
  /// A run of bytes in guest-physical storage.
  public struct Block: Sendable, Equatable {
    /// Guest-physical address.
    public var address: UInt64
    /// What is there.
    public var bytes: [UInt8]

    /// A block.
    public init(_ address: UInt64, _ bytes: [UInt8]) {
      self.address = address
      self.bytes = bytes
    }
  }

  /// Registers and tables.
  public var processor: ProcessorState
  /// Storage, zero but for these blocks.
  public var storage: [Block]
  /// Virtual time before the instruction.
  public var time: UInt64
  /// What the console has to be read.
  public var input: [UInt8]

  /// A state.
  public init(processor: ProcessorState, storage: [Block], time: UInt64 = 0, input: [UInt8] = []) {
    self.processor = processor
    self.storage = storage
    self.time = time
    self.input = input
  }
}

/// What one instruction made of a state.
public struct MachineOutcome: Sendable, Equatable {
  /// Cause of the trap it ended in; `nil` when it completed.
  public var trap: UInt64?
  /// Registers and tables afterwards; of no interest after a trap.
  public var processor: ProcessorState
  /// Bytes of the window that translation leads to, afterwards.
  public var window: [UInt8]
  /// Whether a device is no longer as it was.
  public var changesDevices: Bool
}
