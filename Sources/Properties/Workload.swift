public import MachineCore
public import ToyISA
public import X86Backend

/// A program with the machine that it runs on; the same for all three engines.
public struct Workload: Sendable {
  /// The machine, by instruction set.
  public enum Machine: Sendable {
    case toy(ToyImage, ToyMachine, ToyVariant)
    case x86(X86Machine)
  }

  /// Name for tables and trace headers.
  public var name: String
  /// One line.
  public var title: String
  /// The machine and what is loaded in it.
  public var machine: Machine
  /// Instructions after which a run ends.
  public var instructionLimit: UInt64
  /// What the program must have written to the console, where that is known.
  public var expectedConsole: [UInt8]?

  /// A workload.
  public init(
    name: String, title: String = "", machine: Machine, instructionLimit: UInt64 = RunLimits().instructions,
    expectedConsole: [UInt8]? = nil
  ) {
    self.name = name
    self.title = title
    self.machine = machine
    self.instructionLimit = instructionLimit
    self.expectedConsole = expectedConsole
  }

  /// `"toy"` or `"x86"`.
  public var isa: String {
    switch machine {
    case .toy: "toy"
    case .x86: "x86"
    }
  }

  /// Variant of the toy ISA, or the mode an x86 machine starts in, with its processor if that is an older one.
  public var variant: String {
    switch machine {
    case .toy(_, _, let variant): variant.rawValue
    case .x86(let machine):
      "\(machine.mode.rawValue)-bit" + (machine.model == .modern ? "" : ", \(machine.model.rawValue)")
    }
  }
}
