/// Where the fast loop is, and how far it may go.
///
/// `position` counts eight a word, and so does `clock`: `clock + position` is eight times the number of
/// retired instructions, so that straight code needs no counting and a jump only moves `clock`.
struct Progress {
  /// Place in the window, in bytes of operations.
  var position: UInt
  var clock: UInt
  /// The next instruction is for `step`.
  var needsStep = true
  /// Where a jump to a register left the window.
  var target: UInt32?
  /// Bytes of operations in the window.
  let windowSize: UInt
  /// Virtual address of the first word of the window.
  let windowAddress: UInt32
  /// Value of `clock + position` at which jumps leave the loop.
  let limit: UInt

  static let size = UInt(Operation.size)

  @inline(__always)
  init(_ frame: FastFrame, margin: Int) {
    position = frame.position
    clock = 0 &- position
    windowSize = frame.windowSize
    windowAddress = frame.windowAddress
    limit = (frame.budget &- UInt(margin)) &* Self.size
  }

  /// Whether the budget, less its margin, is used up.
  @inline(__always) var isOver: Bool { clock &+ position >= limit }

  /// Virtual address of the present word.
  @inline(__always) var address: UInt32 {
    windowAddress &+ UInt32(truncatingIfNeeded: position &>> 1)
  }

  /// On to the next word.
  @inline(__always) mutating func next() { position &+= Self.size }

  /// Leaves the loop with nothing to do for `step`.
  @inline(__always) mutating func leave() -> Bool {
    needsStep = false
    return false
  }

  /// Takes a jump; `false` if the loop must be left, because of the window or the budget.
  @inline(__always) mutating func jump(_ op: OperationPointer) -> Bool {
    let delta = UInt(bitPattern: Int(op.pointee.immediate))
    position = position &+ delta
    clock = clock &- delta &+ Self.size
    return position < windowSize && !isOver ? true : leave()
  }

  /// Takes a branch or not.
  @inline(__always) mutating func branch(_ isTaken: Bool, _ op: OperationPointer) -> Bool {
    if isTaken { return jump(op) }
    next()
    return true
  }

  /// Jump and link.
  @inline(__always) mutating func jal(_ r: Registers, _ op: OperationPointer) -> Bool {
    r[Int(op.pointee.a)] = address &+ 4
    return jump(op)
  }

  /// Jump to a register and link.
  @inline(__always) mutating func jalr(_ r: Registers, _ op: OperationPointer) -> Bool {
    let destination = r[Int(op.pointee.b)] &+ unsigned(op.pointee.immediate)
    r[Int(op.pointee.a)] = address &+ 4
    let distance = destination &- windowAddress
    // A misaligned destination has its low bits rotated to the top and so is outside.
    let index = (distance &>> 2) | (distance &<< 30)
    next()
    let place = UInt(index) &* Self.size
    guard place < windowSize else {
      target = destination
      return leave()
    }
    clock = clock &+ position &- place
    position = place
    return isOver ? leave() : true
  }

  /// The end of the run.
  @inline(__always) var exit: FastExit {
    FastExit(retired: (clock &+ position) / Self.size, pc: target ?? address, needsStep: needsStep)
  }
}
