import MachineCore
import Trace

/// Instructions decoded before, found by their addresses and checked by their bytes.
///
/// The bytes are compared again whenever the state of the processor that matters, the translation or
/// anything near the bytes has changed: whenever the entry's epoch has passed.
final class DecodeCache {
  /// What identifies an instruction: its bytes and the decoding context.
  struct Key: BitwiseCopyable {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var lowMask: UInt64 = 0
    var highMask: UInt64 = 0
    var context: UInt64 = 0
    /// Start of its code; 0 when the entry is empty.
    var start = 0
    var length = 0
    /// First four bytes.
    var word: UInt64 = 0
    /// Its address, and that of the next instruction in sequence.
    var pc: UInt64 = 0
    var next: UInt64 = 0
    /// While this is ``TranslationMemo/epoch``, nothing need be checked.
    var epoch: UInt64 = 0
  }

  /// Entries; a power of two.
  static let capacity = 4096

  let keys: UnsafeMutablePointer<Key>
  /// Four for each entry, and four behind the last entry for an instruction that is not cached.
  let operands: UnsafeMutablePointer<BoundOperand>
  /// Operands of an instruction that is not cached.
  var scratch: UnsafeMutablePointer<BoundOperand> { operands + 4 * Self.capacity }
  private let unitShift: UInt64

  /// - Parameter unit: bytes in a fetch unit.
  init(unit: Int) {
    // SAFETY: owned by this object, freed in deinit; indices are masked by `capacity` − 1. Operands are
    // plain bytes that are written before an entry's key makes them visible.
    keys = .allocate(capacity: Self.capacity)
    keys.initialize(repeating: Key(), count: Self.capacity)
    operands = .allocate(capacity: 4 * Self.capacity + 4)
    unitShift = unit >= 4 ? 2 : 0
    scratch.initialize(repeating: BoundOperand(), count: 4)
  }

  deinit {
    keys.deallocate()
    operands.deallocate()
  }

  /// Entry for an address.
  @inline(__always) func index(_ address: UInt64) -> Int {
    Int(truncatingIfNeeded: (address &>> unitShift) ^ (address &>> 12)) & (Self.capacity &- 1)
  }
}
