internal import MachineCore
internal import Simulator
internal import Trace
internal import X86Backend

/// Witnesses of sensitive x86 instructions, run by this host's processor in ring 3 under KVM.
public struct X86HostWitness: Sendable {
  /// What the host did.
  public enum Answer: Sendable, Equatable {
    /// As the architecture says.
    case right
    /// Not so, and a deviation that was measured on this host is why; its identifier.
    case deviates(String)
    /// Not so, for no known reason.
    case differs([String])
    /// The outcomes cannot be compared.
    case notCompared
  }

  /// The instruction, with the text of the one that was run.
  public var name: String
  public var text: String
  /// What the host did with it.
  public var answer: Answer

  /// Runs the witnesses of a search in 64-bit mode.
  ///
  /// - Throws: ``EngineRefusal`` where there is no usable KVM.
  public static func run(_ classification: X86Classification) throws -> [X86HostWitness] {
    #if os(Linux) && arch(x86_64)
      let machine = try X86FuzzMachine(.long64, seed: 1, isPlain: true)
      let vote = try NativeVote(machine)
      let platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
      let contents = try FuzzStorage([platform.memory], contents: machine.memory)
      let engine = Evaluator(instructionSet: X86InstructionSet(), platform: platform, state: machine.base)
      return try classification.offenders.compactMap { finding -> X86HostWitness? in
        guard var tried = finding.witness else { return nil }
        tried.state[.gdtrLimit] = machine.base[.gdtrLimit]
        let text = X86InstructionSet().disassemble(
          InstructionBytes(tried.bytes), pc: tried.state[.rip],
          context: machine.context(tried.state).rawValue)
        if let row = X86FuzzRow.decode(tried.bytes, tried.state, machine)?.row,
          X86FuzzRow.isHostDependent(row)
        {
          return X86HostWitness(name: finding.name, text: text, answer: .notCompared)
        }
        try platform.memory.write(tried.bytes, at: Int(machine.physicalCode))
        platform.retired = 0
        engine.state = tried.state
        let stop = try engine.run(RunLimits(instructions: 1), into: nil)
        let software = NativeVote.Software(
          state: engine.state, isPlainEnd: stop == .limit, memory: platform.memory,
          undefined: engine.undefinedMasks)
        let verdict = try vote.vote(tried, software)
        contents.restore()
        let answer: Answer =
          switch verdict {
          case .agreed: .right
          case .abstained: .notCompared
          case .excepted(let id): .deviates(id)
          case .differs(let differences): .differs(differences)
          }
        return X86HostWitness(name: finding.name, text: text, answer: answer)
      }
    #else
      throw EngineRefusal("this host's processor is another one", isHostLack: true)
    #endif
  }
}
