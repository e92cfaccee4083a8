/// Why the fast loop came back.
enum FastStop {
  /// The operation at `operation` is for the exact step.
  case exact
  /// There are fewer instructions left than the block at `target` has.
  case budget
  /// The block at `target` is not known here; `operation` jumps to it.
  case link
  /// The page of `missed` has no entry among the pages for reads or for writes.
  case readMiss, writeMiss
}

/// A page of storage that the guest may read, or write.
struct FastPage: BitwiseCopyable {
  /// Linear address, or all ones.
  var tag: UInt64 = .max
  /// What to add to a linear address for the physical one.
  var delta: UInt64 = 0
}

/// Where execution goes on at a linear address.
struct FastTarget: BitwiseCopyable {
  var address: UInt64 = 0
  /// The translations that it was found with; 0 never is.
  var epoch: UInt64 = 0
  var block: FastPointer?
}

/// What the fast loop works on: raw pointers and numbers only, so that it needs no reference counting.
struct FastFrame {
  static let pageCount = 128
  static let targetCount = 1024

  let registers: UnsafeMutablePointer<UInt64>
  let storage: UnsafeMutableRawPointer
  /// Not zero for granules of storage that hold decoded code.
  let granules: UnsafeMutablePointer<UInt8>
  var readPages: UnsafeMutablePointer<FastPage>
  var writePages: UnsafeMutablePointer<FastPage>
  let targets: UnsafeMutablePointer<FastTarget>
  /// All ones, or 32 of them.
  var addressMask: UInt64 = .max
  var epoch: UInt64 = 1
  /// Instructions that may still retire.
  var remaining: Int64 = 0
  /// Where to begin, and where the loop stopped.
  var operation: FastPointer
  /// The block of `operation`.
  var block: FastPointer
  var flags = FastFlags()
  var stop = FastStop.exact
  /// Where a jump goes.
  var target: UInt64 = 0
  /// Linear address of an access without an entry.
  var missed: UInt64 = 0
}
