internal import MachineCore

extension ToyPrograms {
  /// What the operations of the seven nanobenchmarks are on the toy machine, in the order of the source's numbers.
  private static let nanoTitles: [(name: String, title: String)] = [
    ("syscall", "`svc` and back, by a user"),
    ("in", "`in` from a device register, by the supervisor"),
    ("cr8wr", "`setie`, the privileged write that holds interrupts back"),
    ("callret", "call and return, by a user"),
    ("pgfault", "a load from a page that is not there, by a user"),
    ("divzero", "division by zero, by a user"),
    ("ptemod", "a page-table entry changed, flushed and used, by the supervisor"),
  ]

  /// How often a nanobenchmark carries its operation out unless `COUNT` is defined.
  static let nanoCount = 100

  /// One operation of the processor, over and over: the seven nanobenchmarks of Adams and Agesen (2006).
  public static let nano: [ToyProgram] = nanoTitles.enumerated().map { number, operation in
    ToyProgram(
      "nano-\(operation.name)", operation.title, .nano, PackageResources.nano_asm,
      defines: ["OPERATION": Int64(number)], console: "done: 00000064\n", file: "nano.asm")
  }
}
