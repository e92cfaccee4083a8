import MachineCore

/// A segment register's contents, checked but not loaded yet.
struct X86LoadedSegment {
  var selector: UInt64 = 0
  var base: UInt64 = 0
  var limit: UInt64 = 0
  var attributes: UInt64 = 0
  /// The descriptor as it was in its table; 0 for none.
  var raw: UInt64 = 0

  init() {}

  /// What loading a descriptor gives; it counts as accessed.
  init(selector: UInt64, raw: UInt64) {
    let fields = X86DescriptorFields(raw: raw)
    self.selector = selector
    self.raw = raw
    base = fields.base
    limit = fields.limit
    attributes = fields.attributes | 1
  }

  /// Whether `bytes` bytes at an offset lie within the segment (Intel SDM vol. 3, 5.3).
  func contains(_ offset: UInt64, _ bytes: UInt64) -> Bool {
    let last = offset &+ bytes &- 1
    guard attributes & 0xC == 4 else { return last <= limit }
    return offset > limit && last <= (attributes >> 14 & 1 != 0 ? 0xFFFF_FFFF : 0xFFFF)
  }
}

/// What a gate pushes, on a stack that need not be the current one.
struct X86Frame {
  var stack: X86LoadedSegment
  /// The stack pointer before the first push.
  var pointer: UInt64
  /// Width of a slot: 2, 4 or 8 bytes.
  var bytes: UInt64
  /// Long mode: no limits, but canonical addresses.
  var isLong: Bool
  /// Whether the stack belongs to ring 3.
  var isUser: Bool
  private(set) var count: UInt64 = 0
  /// Four words of the old place, and at most 31 parameters.
  private var values: InlineArray<40, UInt64> = InlineArray(repeating: 0)

  init(stack: X86LoadedSegment, pointer: UInt64, bytes: UInt64, isLong: Bool, isUser: Bool) {
    self.stack = stack
    self.pointer = pointer
    self.bytes = bytes
    self.isLong = isLong
    self.isUser = isUser
  }

  mutating func push(_ value: UInt64) {
    values[Int(count)] = value
    count &+= 1
  }

  /// The bits of the stack pointer that pushes change.
  var mask: UInt64 { isLong ? .max : stack.attributes >> 14 & 1 != 0 ? 0xFFFF_FFFF : 0xFFFF }

  mutating func set(_ slot: UInt64, _ value: UInt64) { values[Int(slot)] = value }

  /// Offset of a slot, counted from 0 for the first push.
  func offset(_ slot: UInt64) -> UInt64 { (pointer &- (slot &+ 1) &* bytes) & mask }
  func linear(_ slot: UInt64) -> UInt64 {
    isLong ? offset(slot) : (stack.base &+ offset(slot)) & 0xFFFF_FFFF
  }
  func value(_ slot: UInt64) -> UInt64 { values[Int(slot)] }

  /// The stack pointer after the last push.
  var finalPointer: UInt64 { pointer & ~mask | (pointer &- count &* bytes) & mask }

  /// Whether all slots lie within the stack segment.
  var hasRoom: Bool {
    for slot in 0..<count {
      if isLong {
        if (linear(slot) &+ 0x8000_0000_0000) >> 48 != 0 { return false }
      } else if !stack.contains(offset(slot), bytes) {
        return false
      }
    }
    return true
  }
}

extension X86Core {
  /// The stack segment in use.
  var currentStack: X86LoadedSegment {
    var stack = X86LoadedSegment()
    stack.selector = reg(.ss)
    stack.base = reg(.ssBase)
    stack.limit = reg(.ssLimit)
    stack.attributes = reg(.ssAttributes)
    return stack
  }

  /// The stack of an inner privilege level, from the task-state segment (Intel SDM vol. 3, 8.2.1 and 8.6).
  ///
  /// - Parameter external: the EXT bit of error codes.
  mutating func innerStack(
    _ level: UInt64, external: UInt64
  ) throws(X86Fault) -> (stack: X86LoadedSegment, pointer: UInt64) {
    let isWide = reg(.trAttributes) & 8 != 0
    let offset = isWide ? level << 3 &+ 4 : level << 2 &+ 2
    guard offset &+ (isWide ? 5 : 3) <= reg(.trLimit) else {
      throw X86Fault(vector: 10, code: reg(.tr) & 0xFFFC | external)
    }
    let place = reg(.trBase) &+ offset
    let pointer = try systemLoad(place, isWide ? 4 : 2)
    let selector = try systemLoad(place &+ (isWide ? 4 : 2), 2)
    let code = selector & 0xFFFC | external
    guard selector & 0xFFFC != 0 else { throw X86Fault(vector: 10, code: external) }
    let raw = try descriptor(selector, vector: 10, external: external)
    let fields = X86DescriptorFields(raw: raw)
    if selector & 3 != level || fields.privilege != level || fields.isSystem || fields.type & 10 != 2 {
      throw X86Fault(vector: 10, code: code)
    }
    guard fields.isPresent else { throw X86Fault(vector: 12, code: code) }
    return (X86LoadedSegment(selector: selector, raw: raw), pointer)
  }

  /// The stack pointer of entry `offset` of a 64-bit task-state segment.
  mutating func innerPointer(_ offset: UInt64, external: UInt64) throws(X86Fault) -> UInt64 {
    guard offset &+ 7 <= reg(.trLimit) else {
      throw X86Fault(vector: 10, code: reg(.tr) & 0xFFFC | external)
    }
    return try systemLoad(reg(.trBase) &+ offset, 8)
  }

  /// The null selector that a stack of an inner level has in long mode.
  func nullStack(_ level: UInt64) -> X86LoadedSegment {
    var stack = X86LoadedSegment()
    stack.selector = level
    stack.attributes = level << 5
    return stack
  }

  /// Checks that all stores of a frame will succeed.
  mutating func probe(_ frame: X86Frame) throws(X86Fault) {
    for slot in 0..<frame.count { try probe(frame, slot) }
  }

  /// Checks that the store of one slot will succeed.
  mutating func probe(_ frame: X86Frame, _ slot: UInt64) throws(X86Fault) {
    let first = frame.linear(slot)
    _ = try physical(first, .write, isUser: frame.isUser)
    let last = wrapped(first &+ frame.bytes &- 1)
    // CR2 of a fault in the second page is that page's first address.
    if (first ^ last) & ~0xFFF != 0 { _ = try physical(last & ~0xFFF, .write, isUser: frame.isUser) }
  }

  /// Stores a frame that `probe` has checked.
  mutating func write(_ frame: X86Frame) throws(X86Fault) {
    for slot in 0..<frame.count { try write(frame, slot) }
  }

  mutating func write(_ frame: X86Frame, _ slot: UInt64) throws(X86Fault) {
    try systemStore(frame.linear(slot), frame.value(slot), Int(frame.bytes), isUser: frame.isUser)
  }

  /// Linear addresses have 32 bits outside long mode.
  @inline(__always) func wrapped(_ linear: UInt64) -> UInt64 { isLong ? linear : linear & 0xFFFF_FFFF }
}
