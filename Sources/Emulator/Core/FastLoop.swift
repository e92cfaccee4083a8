internal import ToyISA

/// What the fast loop works on: raw pointers and numbers only, so that it needs no reference counting.
struct FastFrame {
  /// General registers, and the slot for what is written to register 0.
  var registers: UnsafeMutablePointer<UInt32>
  /// Operation of the first word of the window.
  var window: UnsafeMutableRawPointer
  /// Bytes of operations in the window.
  var windowSize: UInt
  /// Virtual address of the first word of the window.
  var windowAddress: UInt32
  /// Position of the program counter in the window, in bytes of operations.
  var position: UInt
  /// How many instructions may retire.
  var budget: UInt

  /// Storage at virtual address 0 (base/bound), or at physical address 0 (paging).
  var data: UnsafeMutableRawPointer
  /// First virtual address that may not be accessed, a multiple of 4.
  var dataLimit: UInt32
  /// Physical address of virtual address 0 (base/bound), or 0 (paging).
  var dataBase: UInt
  /// Cached pages for reads and for writes (paging).
  var readPages: UnsafeMutablePointer<CachedPage>
  var writePages: UnsafeMutablePointer<CachedPage>

  var code: CodeMap
  var decoder: OperationDecoder
}

/// Why and where the fast loop stopped.
struct FastExit {
  /// Instructions retired.
  var retired: UInt
  /// Address of the next instruction.
  var pc: UInt32
  /// The next instruction is for `step`; otherwise the budget or the window has ended.
  var needsStep: Bool
}

/// Takes a jump; `true` if the loop must be left, because of the window or the budget.
@inline(__always)
private func jump(
  _ position: inout UInt, _ clock: inout UInt, _ distance: Int32, _ windowSize: UInt, _ limit: UInt
) -> Bool {
  let delta = UInt(bitPattern: Int(distance))
  position = position &+ delta
  clock = clock &- delta &+ UInt(Operation.size)
  return position >= windowSize || clock &+ position >= limit
}

@inline(__always) private func signed(_ value: UInt32) -> Int32 { Int32(bitPattern: value) }
@inline(__always) private func unsigned(_ value: Int32) -> UInt32 { UInt32(bitPattern: value) }

/// Virtual address to an offset from `frame.data`, or `nil` when `step` must look at it.
///
/// `shift` is log2 of the access size. A misaligned address has its low bits rotated to the top and so
/// fails the comparison with the limit, which is a multiple of 4.
@inline(__always)
private func place(
  _ address: UInt32, _ shift: UInt32, _ limit: UInt32, _ pages: UnsafeMutablePointer<CachedPage>,
  paged: Bool
) -> Int? {
  let unit = (address &>> shift) | (shift == 0 ? 0 : address &<< (32 &- shift))
  guard unit < limit &>> shift else { return nil }
  guard paged else { return Int(unit) &<< Int(shift) }
  let page = address &>> 12
  let entry = pages[Int(page) & (ToyCore.pageSlots &- 1)]
  guard entry.tag == page &+ 1 else { return nil }
  return Int(entry.frame) &+ Int(address & 0xFFF)
}

/// Runs innocuous instructions until one needs `step`, the window ends, or the budget is near its end.
///
/// Position counts sixteen a word, and so does `clock`: `clock + position` is sixteen times the number of
/// retired instructions, so that straight code needs no counting and a jump only moves `clock`.
/// With `counted`, the budget is looked at before every operation, otherwise at jumps and page starts,
/// and the budget must leave room for a page.
@inline(__always)
private func interpret(_ frame: FastFrame, paged: Bool, counted: Bool) -> FastExit {
  let r = frame.registers
  let window = frame.window
  let windowSize = frame.windowSize
  let data = frame.data
  let dataLimit = frame.dataLimit
  let dataBase = frame.dataBase
  let marks = frame.code.marks
  let size = UInt(Operation.size)
  let margin = UInt(counted ? CodeMap.longestFusion : OperationDecoder.checkInterval + CodeMap.longestFusion)
  let limit = (frame.budget &- margin) &* size
  var position = frame.position
  var clock = 0 &- position
  var needsStep = false
  var target: UInt32?

  // SAFETY: `position` is inside the window, or on the sentinel just behind it, whenever an operation is
  // read: jumps compare it with `windowSize`, and straight code cannot pass the sentinel. Register numbers
  // come from the decoder and are below 17. `place` has checked data offsets against the limit.
  loop: while true {
    if counted, clock &+ position > limit { break loop }
    let op = (window + Int(bitPattern: position)).assumingMemoryBound(to: Operation.self)
    var code = op.pointee.code
    if code == .check {
      if clock &+ position >= limit { break loop }
      code = op.pointee.real
    }
    switch code {
    case .undecoded:
      frame.decoder.decode(
        (window - UnsafeMutableRawPointer(frame.code.operations) + Int(bitPattern: position))
          / Operation.size)
    case .sentinel, .check:
      break loop
    case .exact:
      needsStep = true
      break loop
    case .nop:
      position &+= size

    case .add:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &+ r[Int(op.pointee.c)]
      position &+= size
    case .sub:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &- r[Int(op.pointee.c)]
      position &+= size
    case .and:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] & r[Int(op.pointee.c)]
      position &+= size
    case .or:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] | r[Int(op.pointee.c)]
      position &+= size
    case .xor:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] ^ r[Int(op.pointee.c)]
      position &+= size
    case .sll:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &<< r[Int(op.pointee.c)]
      position &+= size
    case .srl:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &>> r[Int(op.pointee.c)]
      position &+= size
    case .sra:
      r[Int(op.pointee.a)] = unsigned(signed(r[Int(op.pointee.b)]) &>> signed(r[Int(op.pointee.c)]))
      position &+= size
    case .slt:
      r[Int(op.pointee.a)] = signed(r[Int(op.pointee.b)]) < signed(r[Int(op.pointee.c)]) ? 1 : 0
      position &+= size
    case .sltu:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] < r[Int(op.pointee.c)] ? 1 : 0
      position &+= size
    case .mul:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &* r[Int(op.pointee.c)]
      position &+= size
    case .mulhu:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)].multipliedFullWidth(by: r[Int(op.pointee.c)]).high
      position &+= size
    case .div:
      let divisor = signed(r[Int(op.pointee.c)])
      let dividend = signed(r[Int(op.pointee.b)])
      if divisor == 0 || divisor == -1 {
        if divisor == 0 {
          needsStep = true
          break loop
        }
        r[Int(op.pointee.a)] = unsigned(0 &- dividend)
      } else {
        r[Int(op.pointee.a)] = unsigned(dividend / divisor)
      }
      position &+= size
    case .divu:
      let divisor = r[Int(op.pointee.c)]
      if divisor == 0 {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] / divisor
      position &+= size
    case .rem:
      let divisor = signed(r[Int(op.pointee.c)])
      if divisor == 0 {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = divisor == -1 ? 0 : unsigned(signed(r[Int(op.pointee.b)]) % divisor)
      position &+= size
    case .remu:
      let divisor = r[Int(op.pointee.c)]
      if divisor == 0 {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] % divisor
      position &+= size

    case .addi:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      position &+= size
    case .andi:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] & unsigned(op.pointee.immediate)
      position &+= size
    case .ori:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] | unsigned(op.pointee.immediate)
      position &+= size
    case .xori:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] ^ unsigned(op.pointee.immediate)
      position &+= size
    case .slli:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &<< unsigned(op.pointee.immediate)
      position &+= size
    case .srli:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] &>> unsigned(op.pointee.immediate)
      position &+= size
    case .srai:
      r[Int(op.pointee.a)] = unsigned(signed(r[Int(op.pointee.b)]) &>> op.pointee.immediate)
      position &+= size
    case .slti:
      r[Int(op.pointee.a)] = signed(r[Int(op.pointee.b)]) < op.pointee.immediate ? 1 : 0
      position &+= size
    case .sltiu:
      r[Int(op.pointee.a)] = r[Int(op.pointee.b)] < unsigned(op.pointee.immediate) ? 1 : 0
      position &+= size
    case .constant:
      r[Int(op.pointee.a)] = unsigned(op.pointee.immediate)
      position &+= size
    case .auipc:
      let pc = frame.windowAddress &+ UInt32(truncatingIfNeeded: position &>> 2)
      r[Int(op.pointee.a)] = pc &+ unsigned(op.pointee.immediate)
      position &+= size

    case .lw:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 2, dataLimit, frame.readPages, paged: paged) else {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = UInt32(littleEndian: (data + offset).loadUnaligned(as: UInt32.self))
      position &+= size
    case .lh:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 1, dataLimit, frame.readPages, paged: paged) else {
        needsStep = true
        break loop
      }
      let datum = UInt16(littleEndian: (data + offset).loadUnaligned(as: UInt16.self))
      r[Int(op.pointee.a)] = unsigned(Int32(Int16(bitPattern: datum)))
      position &+= size
    case .lhu:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 1, dataLimit, frame.readPages, paged: paged) else {
        needsStep = true
        break loop
      }
      let datum = UInt16(littleEndian: (data + offset).loadUnaligned(as: UInt16.self))
      r[Int(op.pointee.a)] = UInt32(datum)
      position &+= size
    case .lb:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 0, dataLimit, frame.readPages, paged: paged) else {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = unsigned(Int32((data + offset).load(as: Int8.self)))
      position &+= size
    case .lbu:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 0, dataLimit, frame.readPages, paged: paged) else {
        needsStep = true
        break loop
      }
      r[Int(op.pointee.a)] = UInt32((data + offset).load(as: UInt8.self))
      position &+= size

    case .sw:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 2, dataLimit, frame.writePages, paged: paged) else {
        needsStep = true
        break loop
      }
      (data + offset).storeBytes(of: r[Int(op.pointee.a)].littleEndian, as: UInt32.self)
      position &+= size
      let physical = Int(bitPattern: dataBase) &+ offset
      if marks[physical &>> CodeMap.granuleShift] != 0 { frame.code.invalidate(byte: physical) }
    case .sh:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 1, dataLimit, frame.writePages, paged: paged) else {
        needsStep = true
        break loop
      }
      let datum = UInt16(truncatingIfNeeded: r[Int(op.pointee.a)])
      (data + offset).storeBytes(of: datum.littleEndian, as: UInt16.self)
      position &+= size
      let physical = Int(bitPattern: dataBase) &+ offset
      if marks[physical &>> CodeMap.granuleShift] != 0 { frame.code.invalidate(byte: physical) }
    case .sb:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      guard let offset = place(address, 0, dataLimit, frame.writePages, paged: paged) else {
        needsStep = true
        break loop
      }
      (data + offset).storeBytes(of: UInt8(truncatingIfNeeded: r[Int(op.pointee.a)]), as: UInt8.self)
      position &+= size
      let physical = Int(bitPattern: dataBase) &+ offset
      if marks[physical &>> CodeMap.granuleShift] != 0 { frame.code.invalidate(byte: physical) }

    case .beq:
      if r[Int(op.pointee.a)] == r[Int(op.pointee.b)] {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .bne:
      if r[Int(op.pointee.a)] != r[Int(op.pointee.b)] {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .blt:
      if signed(r[Int(op.pointee.a)]) < signed(r[Int(op.pointee.b)]) {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .bge:
      if signed(r[Int(op.pointee.a)]) >= signed(r[Int(op.pointee.b)]) {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .bltu:
      if r[Int(op.pointee.a)] < r[Int(op.pointee.b)] {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .bgeu:
      if r[Int(op.pointee.a)] >= r[Int(op.pointee.b)] {
        if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
      } else {
        position &+= size
      }
    case .jal:
      r[Int(op.pointee.a)] = frame.windowAddress &+ UInt32(truncatingIfNeeded: position &>> 2) &+ 4
      if jump(&position, &clock, op.pointee.distance, windowSize, limit) { break loop }
    case .jalr:
      let address = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
      r[Int(op.pointee.a)] = frame.windowAddress &+ UInt32(truncatingIfNeeded: position &>> 2) &+ 4
      let distance = address &- frame.windowAddress
      let index = (distance &>> 2) | (distance &<< 30)
      position &+= size
      let destination = UInt(index) &* size
      guard destination < windowSize else {
        target = address
        break loop
      }
      clock = clock &+ position &- destination
      position = destination
      if clock &+ position >= limit { break loop }
    }
  }
  return FastExit(
    retired: (clock &+ position) / size,
    pc: target ?? frame.windowAddress &+ UInt32(truncatingIfNeeded: position &>> 2),
    needsStep: needsStep)
}

/// Instantiations of the loop; the disassembly of these is checked for reference counting.
enum FastLoop {
  /// Under base and bound.
  @inline(never)
  static func linear(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: false, counted: false)
  }
  /// Under base and bound, near the end of the budget.
  @inline(never)
  static func linearCounted(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: false, counted: true)
  }
  /// Under paging, inside one page of code.
  @inline(never)
  static func paged(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: true, counted: false)
  }
  /// Under paging, near the end of the budget.
  @inline(never)
  static func pagedCounted(_ frame: FastFrame) -> FastExit {
    interpret(frame, paged: true, counted: true)
  }
}
