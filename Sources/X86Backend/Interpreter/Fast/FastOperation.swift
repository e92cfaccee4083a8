/// What a packed operation does.
///
/// `a` is the destination and first operand; the second is always register `b` plus `immediate`, of which
/// one is the zero register or zero. Operations on storage compute base + index × scale + displacement.
/// An instruction on storage becomes several operations, of which only the last one changes anything that
/// the guest can see; `temporary` is the slot between them.
enum FastCode: UInt8 {
  // Blocks.
  case enter, exact, nop
  case jump, jumpRegister, call64, call32, callRegister64, callRegister32, ret64, ret32
  // Moves.
  case move8, move16, move32, move64
  case zero8, zero16, sign8to32, sign8to64, sign16to32, sign16to64, sign32to64
  case lea32, lea64, exchange32, exchange64, swap32, swap64, double32, double64
  // Storage.
  case load8, load16, load32, load64
  case loadSign8to32, loadSign8to64, loadSign16to32, loadSign16to64, loadSign32to64
  case store8, store16, store32, store64
  case hold8, hold16, hold32, hold64, put8, put16, put32, put64
  case push64, push32, pop64, pop32
  // Arithmetic, by width.
  case add8, add16, add32, add64, sub8, sub16, sub32, sub64
  case and8, and16, and32, and64, or8, or16, or32, or64, xor8, xor16, xor32, xor64
  case compare8, compare16, compare32, compare64, test8, test16, test32, test64
  case addCarry32, addCarry64, subBorrow32, subBorrow64
  case inc8, inc32, inc64, dec8, dec32, dec64
  case negate8, negate32, negate64, not8, not32, not64
  case shl32, shl64, shr32, shr64, sar32, sar64, rol32, rol64, ror32, ror64
  // Rotates whose flags nobody sees.
  case rolQuiet32, rolQuiet64, rorQuiet32, rorQuiet64
  case multiply32, multiply64, wideMul32, wideMul64, wideSignedMul32, wideSignedMul64
  case div32, div64, idiv32, idiv64
  // With storage as the second operand.
  case add32Load, add64Load, xor32Load, compare32Load, compare64Load
  // Conditions after an operation that is a subtraction as far as they can tell.
  case jumpE, jumpNE, jumpB, jumpAE, jumpBE, jumpA, jumpL, jumpGE, jumpLE, jumpG, jumpS, jumpNS
  // … after an addition.
  case jumpSumE, jumpSumNE, jumpSumS, jumpSumNS
  // Any condition, from the flags.
  case jumpAny, set, move32If, move64If, setSub, move32IfSub, move64IfSub
}

/// A packed operation; 24 bytes.
struct FastOperation: BitwiseCopyable {
  var code = FastCode.exact
  /// First operand; of `jumpAny`, the condition's number.
  var a: UInt8 = 0
  /// Second operand.
  var b: UInt8 = 0
  /// Base register of an address.
  var base: UInt8 = 0
  /// Index register of an address.
  var index: UInt8 = 0
  /// log2 of the scale; of a conditional jump, how far its operands are shifted up to compare signs.
  var shift: UInt8 = 0
  /// Instructions of the block before this one's.
  var ordinal: UInt8 = 0
  /// Where the instruction begins, in bytes from the start of the block.
  var offset: UInt8 = 0
  /// Displacement; of a jump, its target relative to the start of the block; of `enter`, the block's instructions.
  var displacement: Int32 = 0
  /// Of a jump, the instructions of the block after it; of `set` and `move…If`, the condition's number.
  var extra: UInt16 = 0
  /// Length of the instruction.
  var length: UInt8 = 0
  /// Immediate; of a jump, the address of the target's `enter`, or 0; of `enter`, the address of the block.
  var immediate: UInt64 = 0
}

typealias FastPointer = UnsafeMutablePointer<FastOperation>
