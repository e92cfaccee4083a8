/// Where the fast loop is: operation, block, and how many instructions are left.
struct FastPlace {
  var operation: FastPointer
  var block: FastPointer
  var remaining: Int64
  private let targets: UnsafeMutablePointer<FastTarget>
  private let epoch: UInt64
  private let mask: UInt64

  @inline(__always) init(_ frame: UnsafeMutablePointer<FastFrame>) {
    operation = frame.pointee.operation
    block = frame.pointee.block
    remaining = frame.pointee.remaining
    targets = frame.pointee.targets
    epoch = frame.pointee.epoch
    mask = frame.pointee.addressMask
  }

  @inline(__always) mutating func next() { operation += 1 }

  // SAFETY: for all functions here, blocks stay in place as long as the loop runs; links and targets point to
  // the first operation of a block, and each block ends with an operation that leaves it.

  /// Begins a block, if its instructions are not too many.
  @inline(__always)
  mutating func enter(_ block: FastPointer, _ frame: UnsafeMutablePointer<FastFrame>) -> Bool {
    let left = remaining &- Int64(block.pointee.displacement)
    guard left >= 0 else {
      frame.pointee.target = block.pointee.immediate
      frame.pointee.stop = .budget
      return false
    }
    remaining = left
    self.block = block
    operation = block + 1
    return true
  }

  /// Goes on at a linear address.
  @inline(__always)
  mutating func go(to target: UInt64, _ frame: UnsafeMutablePointer<FastFrame>) -> Bool {
    // SAFETY: masked to the number of entries.
    let entry = targets + Int(truncatingIfNeeded: target & UInt64(FastFrame.targetCount - 1))
    if entry.pointee.address == target, entry.pointee.epoch == epoch, let block = entry.pointee.block {
      return enter(block, frame)
    }
    frame.pointee.target = target
    frame.pointee.stop = .link
    return false
  }

  /// Takes a jump.
  @inline(__always)
  mutating func take(_ op: FastPointer, _ frame: UnsafeMutablePointer<FastFrame>) -> Bool {
    remaining &+= Int64(op.pointee.extra)
    if let linked = FastPointer(bitPattern: UInt(op.pointee.immediate)) { return enter(linked, frame) }
    let distance = UInt64(bitPattern: Int64(op.pointee.displacement))
    return go(to: (block.pointee.immediate &+ distance) & mask, frame)
  }

  /// Takes a jump if the condition holds.
  @inline(__always)
  mutating func branch(
    _ condition: Bool, _ op: FastPointer, _ frame: UnsafeMutablePointer<FastFrame>
  ) -> Bool {
    if condition { return take(op, frame) }
    operation = op + 1
    return true
  }

  /// The address of the instruction after the one of `op`.
  @inline(__always) func following(_ op: FastPointer) -> UInt64 {
    (block.pointee.immediate &+ UInt64(op.pointee.offset) &+ UInt64(op.pointee.length)) & mask
  }
}
