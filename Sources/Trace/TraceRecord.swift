/// What one record of a trace says.
///
/// A trace is a sequence of 64-byte records. A *head* record begins an event; the *effect* records
/// that follow it (register writes, memory reads and writes) belong to it, until the next head.
/// The raw value is the `kind` byte of the binary encoding; `name` is the `k` field of the JSON one.
/// Values 1–15 are guest events, 16–31 effects, 32–47 VMM events, 48–63 state, 254 and 255 framing.
public enum EventKind: UInt8, Sendable, CaseIterable {
  /// One guest instruction completed.
  case retire = 1
  /// A synchronous trap was delivered to the guest.
  case trap = 2
  /// An asynchronous interrupt was delivered to the guest.
  case interrupt = 3
  /// The guest read or wrote a device register.
  case device = 4
  /// The guest stopped: powered off, halted for good, check-stopped.
  case halt = 5

  /// A register changed its value in this event.
  case registerWrite = 16
  /// The event read guest memory.
  case memoryRead = 17
  /// The event wrote guest memory.
  case memoryWrite = 18

  /// Control came from the guest back to the VMM.
  case exit = 32
  /// The VMM's interpreter routine carried out a guest instruction.
  case emulate = 33
  /// The VMM handed a trap of the guest on to the guest's own supervisor.
  case reflect = 34
  /// The VMM put a virtual interrupt into the guest.
  case inject = 35
  /// The VMM gave the processor to a domain.
  case schedule = 36
  /// The VMM changed a shadow page table.
  case shadow = 37
  /// The guest called the VMM on purpose.
  case hypercall = 38

  /// Architectural state at the end of a run: digests in the head, every register as an effect.
  case final = 48
  /// A digest of the architectural state at this point of the run.
  case digest = 49

  /// Host-side facts (wall-clock time); never compared.
  case host = 254
  /// Last record of a complete trace: how many records came before, and their check sum.
  case end = 255

  /// Whether the record belongs to the head before it.
  @inlinable public var isEffect: Bool { rawValue & 0xF0 == 16 }
  /// Whether the event is visible to the guest (and so must agree between machines).
  @inlinable public var isGuest: Bool { rawValue < 32 || rawValue & 0xF0 == 48 }
  /// Whether the event tells what the VMM did.
  @inlinable public var isVMM: Bool { rawValue & 0xF0 == 32 }

  /// The word that stands for this kind in the JSON encoding.
  public var name: String { word.description }
}

/// The bytes of one instruction, up to fifteen, with their count; 16 bytes on the wire.
@frozen
public struct InstructionBytes: Sendable, Hashable {
  /// Bytes 0–7, the first one in the low eight bits.
  public var low: UInt64
  /// Bytes 8–14 in the low 56 bits; the count in the top eight.
  public var high: UInt64

  /// No bytes.
  @inlinable public init() {
    low = 0
    high = 0
  }

  /// One 32-bit little-endian instruction word.
  @inlinable public init(word: UInt32) {
    low = UInt64(word)
    high = 4 << 56
  }

  /// The first `count` (at most 15) bytes of `bytes`.
  @inlinable public init(_ bytes: some Sequence<UInt8>) {
    low = 0
    high = 0
    var index: UInt64 = 0
    for byte in bytes where index < 15 {
      if index < 8 {
        low |= UInt64(byte) << (index * 8)
      } else {
        high |= UInt64(byte) << ((index - 8) * 8)
      }
      index += 1
    }
    high |= index << 56
  }

  /// How many bytes there are, 0…15.
  @inlinable public var count: Int { Int(high >> 56) & 15 }

  /// The byte at `index`, 0 ≤ `index` < 15.
  @inlinable public subscript(index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: index < 8 ? low >> UInt64(index * 8) : high >> UInt64((index - 8) * 8))
  }

  /// The bytes as an array.
  @inlinable public var array: [UInt8] { (0..<count).map { self[$0] } }
}

/// One record of a trace: 64 bytes, the same in memory and in the binary encoding.
///
/// Which field means what depends on `kind`; `Docs/TraceFormat.md` has the table. In short:
///
/// | kind | code | pc | address | value | aux | bytes |
/// |---|---|---|---|---|---|---|
/// | retire | – | of the instruction | next pc | – | – | instruction |
/// | trap | cause | saved pc | – | trap value | handler pc | – |
/// | interrupt | cause | saved pc | – | line or vector | handler pc | – |
/// | device | port (or 0) | of the instruction | MMIO address | datum | size in bytes | – |
/// | halt | stop kind | pc | – | status | – | – |
/// | register | register | – | – | new value | – | – |
/// | read, write | – | – | guest address | datum | size in bytes | – |
/// | exit | reason | guest pc | fault address | detail | – | instruction if known |
/// | emulate | reason | guest pc | – | – | – | instruction |
/// | reflect, inject | cause | guest pc | – | trap value | handler pc | – |
/// | schedule | – | – | – | domain | slice | – |
/// | shadow | operation | guest pc | virtual page | entry | – | – |
/// | hypercall | number | guest pc | – | argument | result | – |
/// | final | stop kind | pc | bytes of console output | memory digest | console digest | – |
/// | digest | – | pc | – | register digest | memory digest | – |
/// | host | – | – | – | wall-clock nanoseconds | – | – |
/// | end | – | – | – | records before this one | check sum | – |
@frozen
public struct TraceRecord: Sendable, Hashable {
  /// ``EventKind`` as its raw value; a value without a name must be ignored by readers.
  public var kind: UInt8
  /// Bits 0–3: privilege mode, 0 the most privileged. Bit 4: device write (else read).
  public var flags: UInt8
  /// Number of the virtual CPU.
  public var cpu: UInt16
  /// Sub-kind; see the table.
  public var code: UInt32
  /// The guest's retired-instruction count when the event happened; a retire event counts itself.
  /// An effect carries its head's clock, mode and `cpu`.
  public var clock: UInt64
  /// Program counter, as the guest sees it.
  public var pc: UInt64
  /// See the table.
  public var address: UInt64
  /// See the table.
  public var value: UInt64
  /// See the table.
  public var aux: UInt64
  /// Bytes of the instruction.
  public var bytes: InstructionBytes

  /// Size on the wire.
  public static var size: Int { 64 }
  /// Bit of `flags` that marks a device access as a write.
  public static var writeFlag: UInt8 { 0x10 }

  /// A record whose unnamed fields are zero.
  @inlinable public init(
    _ kind: EventKind, mode: UInt8 = 0, cpu: UInt16 = 0, code: UInt32 = 0, clock: UInt64 = 0,
    pc: UInt64 = 0, address: UInt64 = 0, value: UInt64 = 0, aux: UInt64 = 0,
    bytes: InstructionBytes = InstructionBytes()
  ) {
    self.kind = kind.rawValue
    self.flags = mode
    self.cpu = cpu
    self.code = code
    self.clock = clock
    self.pc = pc
    self.address = address
    self.value = value
    self.aux = aux
    self.bytes = bytes
  }

  /// The kind, or `nil` when a later version of the format wrote it.
  @inlinable public var eventKind: EventKind? { EventKind(rawValue: kind) }
  /// Privilege mode, 0 the most privileged.
  @inlinable public var mode: UInt8 {
    get { flags & 0x0F }
    set { flags = (flags & 0xF0) | (newValue & 0x0F) }
  }
  /// Whether the record, an effect, carries the clock, mode and CPU of `head`, and no other flag.
  @inlinable public func isPlaced(like head: TraceRecord) -> Bool {
    clock == head.clock && flags == head.mode && cpu == head.cpu
  }
  /// Whether a device access was a write.
  @inlinable public var isWrite: Bool { flags & Self.writeFlag != 0 }
}
