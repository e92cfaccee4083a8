internal import MachineCore
internal import Trace

/// A walk through page tables, or whatever else leads from a guest's address to its storage.
public struct AddressWalk: Sendable, Equatable {
  /// A table entry that was read.
  public struct Step: Sendable, Equatable {
    /// What the entry is called.
    public var name: String
    /// Guest-physical address of the entry.
    public var place: UInt64
    /// Its value.
    public var entry: UInt64
    /// Its flags, as letters.
    public var flags: String
  }

  /// How addresses are translated now.
  public var mode: String
  /// Entries, from the root.
  public var steps: [Step] = []
  /// Where the address leads; `nil` if nowhere.
  public var physical: UInt64?
  /// Why it leads nowhere.
  public var reason: String?
}

/// What an instruction does to the depth of calls.
enum CallFlow { case call, giveBack, other }

/// What a debugger must know of an instruction set beside its tables.
protocol ProcessorView: Sendable {
  /// Address of the next instruction, as breakpoints name it.
  func codeAddress(_ state: ProcessorState) -> UInt64
  /// Program counters that may stand for a breakpoint's address, in the present state and those it leads to.
  func programCounters(for address: UInt64, _ state: ProcessorState) -> [UInt64]
  /// Context for decoding.
  func context(_ state: ProcessorState) -> UInt64
  /// From an address to storage.
  func walk(_ address: UInt64, _ state: ProcessorState, _ memory: PhysicalMemory) -> AddressWalk
  /// Program counters at which handlers of traps and interrupts begin.
  func handlers(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64>
  /// Linear addresses at which code of ring 3 comes to ring 0.
  func supervisorEntries(_ state: ProcessorState, _ memory: PhysicalMemory) -> Set<UInt64>
  /// Whether an instruction calls or returns.
  func flow(_ bytes: InstructionBytes, context: UInt64) -> CallFlow
  /// What can be added to an address in a trace to get one that watchpoints name.
  func segmentBases(_ registers: [UInt64]) -> Set<UInt64>
  /// Length and text of the instruction that begins with `bytes`.
  func disassemble(_ bytes: [UInt8], at address: UInt64, context: UInt64) -> (length: Int, text: String)
  /// A register's value by name, where the name is of a part or an alias.
  func alias(_ name: String) -> (register: Int, shift: UInt64, mask: UInt64)?
  /// Number of the stack pointer.
  var stackPointer: Int { get }
  /// Numbers of the registers that people look at first.
  var mainRegisters: [Int] { get }
  /// Bytes of an address.
  var addressBytes: Int { get }
}

/// Storage and read-only memory, by guest-physical addresses; no device is touched.
struct PhysicalMemory {
  let platform: Platform

  /// A byte; `nil` where there is neither storage nor read-only memory.
  func byte(_ address: UInt64) -> UInt8? {
    let place = address & platform.view.addressMask
    if let value = platform.memory.load(place, width: 1) { return UInt8(truncatingIfNeeded: value) }
    return platform.roms.contains { $0.range.contains(place) } ? platform.outsideByte(place) : nil
  }

  /// Bytes that lie together in storage; `nil` where they do not.
  func bytes(_ address: UInt64, count: Int) -> [UInt8]? {
    let place = address & platform.view.addressMask
    guard platform.memory.contains(place, count: count) else { return nil }
    return try? platform.memory.read(Int(place)..<(Int(place) + count))
  }

  /// A little-endian number of up to eight bytes.
  func load(_ address: UInt64, bytes: Int) -> UInt64? {
    var value: UInt64 = 0
    for index in 0..<bytes {
      guard let byte = byte(address &+ UInt64(index)) else { return nil }
      value |= UInt64(byte) << UInt64(index * 8)
    }
    return value
  }
}
