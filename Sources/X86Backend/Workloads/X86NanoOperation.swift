/// One operation of the processor in 64-bit mode, over and over: the seven nanobenchmarks of Adams and Agesen, "A
/// Comparison of Software and Hardware Techniques for x86 Virtualization" (2006).
public enum X86NanoOperation: Int, Sendable, CaseIterable {
  case syscall, `in`, cr8wr, callret, pgfault, divzero, ptemod

  /// What it does, in a few words.
  public var title: String {
    switch self {
    case .syscall: "SYSCALL from ring 3, and back by IRETQ"
    case .in: "IN from a port without a device, in ring 0"
    case .cr8wr: "MOV to CR8, in ring 0"
    case .callret: "indirect call and return, in ring 3"
    case .pgfault: "a load from a page that is not there, in ring 3"
    case .divzero: "division by zero, in ring 3"
    case .ptemod: "a page-table entry changed, invalidated and used, in ring 0"
    }
  }

  /// How often it is carried out unless told.
  public static let count: UInt32 = 100

  /// Its name on the command line.
  public var programName: String { "x86-nano-\(self)" }

  /// The program.
  public var workload: X86Workload {
    X86Workload(
      name: programName, description: title, mode: .long64, image: PackageResources.nano64_elf,
      expectedConsole: Self.console(count: Self.count), nanoOperation: self)
  }

  /// What the program prints when all went well.
  static func console(count: UInt32) -> String {
    let digits = String(count, radix: 16)
    return "done: " + String(repeating: "0", count: 8 - digits.count) + digits + "\n"
  }
}
