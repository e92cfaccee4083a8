/// Why an instruction did not complete.
struct X86Fault: Error, BitwiseCopyable {
  /// Exception vector; 0xFF when the instruction is not supported.
  var vector: UInt8
  /// Error code, 0 where the exception has none.
  var code: UInt64 = 0
  /// Faulting linear address of a page fault.
  var address: UInt64 = 0
  /// What is not supported.
  var reason: StaticString = ""

  static func protection(_ code: UInt64 = 0) -> X86Fault { X86Fault(vector: 13, code: code) }
  static func unsupported(_ reason: StaticString) -> X86Fault { X86Fault(vector: 0xFF, reason: reason) }
  var isUnsupported: Bool { vector == 0xFF }
}
