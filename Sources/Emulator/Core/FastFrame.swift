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
