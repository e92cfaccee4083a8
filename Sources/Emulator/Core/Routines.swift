/// General registers as the fast loop has them: sixteen, and a slot for what is written to register 0.
typealias Registers = UnsafeMutablePointer<UInt32>
/// A decoded operation.
typealias OperationPointer = UnsafePointer<Operation>

@inline(__always) func signed(_ value: UInt32) -> Int32 { Int32(bitPattern: value) }
@inline(__always) func unsigned(_ value: Int32) -> UInt32 { UInt32(bitPattern: value) }

/// What the instructions of the fast loop compute, one function each.
///
/// SAFETY: register numbers come from the decoder and are below 17.
enum Routine {
  @inline(__always)
  private static func three(_ r: Registers, _ op: OperationPointer, _ body: (UInt32, UInt32) -> UInt32) {
    let third = Int(UInt8(truncatingIfNeeded: op.pointee.immediate))
    r[Int(op.pointee.a)] = body(r[Int(op.pointee.b)], r[third])
  }

  @inline(__always)
  private static func two(_ r: Registers, _ op: OperationPointer, _ body: (UInt32, UInt32) -> UInt32) {
    r[Int(op.pointee.a)] = body(r[Int(op.pointee.b)], unsigned(op.pointee.immediate))
  }

  @inline(__always)
  private static func holds(_ r: Registers, _ op: OperationPointer, _ body: (UInt32, UInt32) -> Bool) -> Bool
  {
    body(r[Int(op.pointee.a)], r[Int(op.pointee.b)])
  }

  @inline(__always) static func add(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x &+ y }
  }
  @inline(__always) static func sub(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x &- y }
  }
  @inline(__always) static func and(_ r: Registers, _ op: OperationPointer) { three(r, op) { x, y in x & y } }
  @inline(__always) static func or(_ r: Registers, _ op: OperationPointer) { three(r, op) { x, y in x | y } }
  @inline(__always) static func xor(_ r: Registers, _ op: OperationPointer) { three(r, op) { x, y in x ^ y } }
  @inline(__always) static func sll(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x &<< y }
  }
  @inline(__always) static func srl(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x &>> y }
  }
  @inline(__always) static func sra(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in unsigned(signed(x) &>> signed(y)) }
  }
  @inline(__always) static func slt(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in signed(x) < signed(y) ? 1 : 0 }
  }
  @inline(__always) static func sltu(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x < y ? 1 : 0 }
  }
  @inline(__always) static func mul(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x &* y }
  }
  @inline(__always) static func mulhu(_ r: Registers, _ op: OperationPointer) {
    three(r, op) { x, y in x.multipliedFullWidth(by: y).high }
  }
  @inline(__always) static func addi(_ r: Registers, _ op: OperationPointer) { two(r, op) { x, y in x &+ y } }
  @inline(__always) static func andi(_ r: Registers, _ op: OperationPointer) { two(r, op) { x, y in x & y } }
  @inline(__always) static func ori(_ r: Registers, _ op: OperationPointer) { two(r, op) { x, y in x | y } }
  @inline(__always) static func xori(_ r: Registers, _ op: OperationPointer) { two(r, op) { x, y in x ^ y } }
  @inline(__always) static func slli(_ r: Registers, _ op: OperationPointer) {
    two(r, op) { x, y in x &<< y }
  }
  @inline(__always) static func srli(_ r: Registers, _ op: OperationPointer) {
    two(r, op) { x, y in x &>> y }
  }
  @inline(__always) static func srai(_ r: Registers, _ op: OperationPointer) {
    two(r, op) { x, y in unsigned(signed(x) &>> signed(y)) }
  }
  @inline(__always) static func slti(_ r: Registers, _ op: OperationPointer) {
    two(r, op) { x, y in signed(x) < signed(y) ? 1 : 0 }
  }
  @inline(__always) static func sltiu(_ r: Registers, _ op: OperationPointer) {
    two(r, op) { x, y in x < y ? 1 : 0 }
  }
  @inline(__always) static func constant(_ r: Registers, _ op: OperationPointer) {
    r[Int(op.pointee.a)] = unsigned(op.pointee.immediate)
  }

  @inline(__always) static func beq(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in x == y }
  }
  @inline(__always) static func bne(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in x != y }
  }
  @inline(__always) static func blt(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in signed(x) < signed(y) }
  }
  @inline(__always) static func bge(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in signed(x) >= signed(y) }
  }
  @inline(__always) static func bltu(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in x < y }
  }
  @inline(__always) static func bgeu(_ r: Registers, _ op: OperationPointer) -> Bool {
    holds(r, op) { x, y in x >= y }
  }

  /// Division; `false` if the divisor is zero.
  @inline(__always)
  static func div(_ r: Registers, _ op: OperationPointer) -> Bool {
    let divisor = signed(r[Int(UInt8(truncatingIfNeeded: op.pointee.immediate))])
    guard divisor != 0 else { return false }
    let dividend = signed(r[Int(op.pointee.b)])
    r[Int(op.pointee.a)] = unsigned(divisor == -1 ? 0 &- dividend : dividend / divisor)
    return true
  }

  @inline(__always)
  static func rem(_ r: Registers, _ op: OperationPointer) -> Bool {
    let divisor = signed(r[Int(UInt8(truncatingIfNeeded: op.pointee.immediate))])
    guard divisor != 0 else { return false }
    r[Int(op.pointee.a)] = divisor == -1 ? 0 : unsigned(signed(r[Int(op.pointee.b)]) % divisor)
    return true
  }

  @inline(__always)
  static func divu(_ r: Registers, _ op: OperationPointer) -> Bool {
    let divisor = r[Int(UInt8(truncatingIfNeeded: op.pointee.immediate))]
    guard divisor != 0 else { return false }
    r[Int(op.pointee.a)] = r[Int(op.pointee.b)] / divisor
    return true
  }

  @inline(__always)
  static func remu(_ r: Registers, _ op: OperationPointer) -> Bool {
    let divisor = r[Int(UInt8(truncatingIfNeeded: op.pointee.immediate))]
    guard divisor != 0 else { return false }
    r[Int(op.pointee.a)] = r[Int(op.pointee.b)] % divisor
    return true
  }
}
