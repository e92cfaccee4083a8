package import MachineCore
package import X86Backend

/// What is counted in a whole run of a nanobenchmark.
package enum StudyQuantity: String, Sendable, CaseIterable {
  /// Guest instructions retired.
  case instructions
  /// Traps that the guest takes.
  case traps
  /// The guest's accesses to ports of devices.
  case accesses
  /// Times that control came back to the machine monitor: on the toy processor all exits, on KVM those for port
  /// input and output.
  case exits

  /// How far a formula may be off: printing the digits A to F takes other instructions than printing 0 to 9.
  package var tolerance: Int { self == .instructions ? 8 : 0 }
}

/// A nanobenchmark on an instruction set.
package struct StudyProgram: Sendable, Hashable, CustomStringConvertible {
  package let isa: String
  package let operation: X86NanoOperation

  package static let all = ["toy", "x86"].flatMap { isa in
    X86NanoOperation.allCases.map { StudyProgram(isa: isa, operation: $0) }
  }

  package init(isa: String, operation: X86NanoOperation) {
    self.isa = isa
    self.operation = operation
  }

  /// The one of a name; `nil` when there is none.
  package init?(isa: String, name: String) {
    guard ["toy", "x86"].contains(isa),
      let operation = X86NanoOperation.allCases.first(where: { "\($0)" == name })
    else { return nil }
    self.init(isa: isa, operation: operation)
  }

  package var description: String { "\(isa) \(operation)" }
}

/// A quantity of a nanobenchmark.
package struct StudyKey: Sendable, Hashable, CustomStringConvertible {
  package var program: StudyProgram
  package var quantity: StudyQuantity

  package init(program: StudyProgram, quantity: StudyQuantity) {
    self.program = program
    self.quantity = quantity
  }

  package var description: String { "\(program) \(quantity.rawValue)" }
}

/// A nanobenchmark on an engine.
package struct StudyRun: Sendable, Hashable, CustomStringConvertible {
  package let program: StudyProgram
  package let engine: EngineKind

  package static let all = StudyProgram.all.flatMap { program in
    EngineKind.allCases.map { StudyRun(program: program, engine: $0) }
  }

  package init(program: StudyProgram, engine: EngineKind) {
    self.program = program
    self.engine = engine
  }

  /// The one of an engine's name; `nil` when there is none.
  package init?(program: StudyProgram, engine: String) {
    guard let kind = EngineKind(rawValue: engine) else { return nil }
    self.init(program: program, engine: kind)
  }

  /// KVM shows neither instructions nor traps.
  package func shows(_ quantity: StudyQuantity) -> Bool {
    quantity == .exits || program.isa == "toy" || engine != .virtualizer
  }

  package var description: String { "\(program) \(engine.rawValue)" }
}
