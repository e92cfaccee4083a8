internal import MachineCore
internal import Simulator
internal import Trace
internal import X86Backend

/// A witness of a sensitive x86 instruction, run by this host's processor in ring 3 under KVM.
public struct X86HostWitness: Sendable {
  /// What the host did.
  public enum Answer: Sendable, Equatable {
    /// As the architecture says, in every state that it ran.
    case right
    /// Not so, and a deviation that was measured on this host is why; its identifier.
    case deviates(String)
    /// Not so, for no known reason.
    case differs([String])
    /// It was not run, or its outcome says nothing; why.
    case notCompared(String)
  }

  /// The instruction, with the text of the one that was run, and what it shows.
  public var name: String
  public var text: String
  public var shows: String
  /// What the host did with it.
  public var answer: Answer
  /// How many of the two states were run.
  public var states = 0

  /// Runs the witnesses of a search in 64-bit mode, as far as they show something in ring 3.
  ///
  /// - Throws: ``EngineRefusal`` where there is no usable KVM.
  public static func run(_ classification: X86Classification) throws -> [X86HostWitness] {
    try classification.offenders.flatMap(\.witnesses).filter { $0.ring != 0 && $0.reason != nil }
      .map { try X86HostWitness($0) }
  }

  /// Runs a witness's states of ring 3.
  ///
  /// - Throws: ``EngineRefusal`` where there is no usable KVM.
  public init(_ witness: X86Witness) throws {
    name = witness.name
    text = witness.instruction
    shows = witness.shows
    answer = .right
    if let reason = Self.obstacle(witness) {
      answer = .notCompared(reason)
      return
    }
    #if os(Linux) && arch(x86_64)
      let machine = try X86FuzzMachine(.long64, seed: 1, isPlain: true)
      var states = [witness.first, witness.second].filter { $0.processor[.ssAttributes] & 0x60 == 0x60 }
      if witness.reason == .control { states = [witness.first] }
      for state in states {
        let verdict = try Self.vote(witness, state, machine)
        self.states += 1
        switch verdict {
        case .agreed: continue
        case .abstained: answer = .notCompared("the processor would go on with what the instruction makes")
        case .excepted(let id): answer = .deviates(id)
        case .differs(let differences): answer = .differs(differences)
        }
        return
      }
    #else
      throw EngineRefusal("this host's processor is another one", isHostLack: true)
    #endif
  }

  /// Why the host's user mode cannot run a witness; `nil` when it can.
  public static func obstacle(_ witness: X86Witness) -> String? {
    if witness.mode != .long64 {
      return "in user mode of the processor there is 64-bit code only; some KVMs interpret the rest"
    }
    if witness.ring == 0 {
      return "it is shown in ring 0, which a host need not run on the processor"
    }
    switch witness.reason {
    case .time: return "time is the host's own"
    case .systemRegister: return "it shows model-specific registers, which the host sets up its own way"
    default: break
    }
    if witness.name == "SYSENTER" { return "it enters a system that the surroundings do not have" }
    let machine = try? X86FuzzMachine(.long64, seed: 1, isPlain: true)
    if let machine, let row = X86FuzzRow.decode(witness.bytes, witness.first.processor, machine)?.row,
      X86FuzzRow.isHostDependent(row)
    {
      return "it enters a system that the surroundings do not have"
    }
    return nil
  }

  #if os(Linux) && arch(x86_64)
    /// Runs one state on the simulator and on the processor, in surroundings with handlers for all traps.
    private static func vote(
      _ witness: X86Witness, _ state: MachineState, _ machine: X86FuzzMachine
    ) throws -> NativeVote.Verdict {
      let platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
      let storage = state.storage.map { (address: Int($0.address), bytes: $0.bytes) }
      try platform.memory.write(machine.memory, at: 0)
      for (address, bytes) in storage { try platform.memory.write(bytes, at: address) }
      // The instruction alone counts: what follows is a HLT.
      let code = Array((witness.code + [UInt8](repeating: 0xF4, count: 15)).prefix(15))
      try platform.memory.write(code, at: Int(machine.physicalCode))
      let engine = Evaluator(
        instructionSet: X86InstructionSet(), platform: platform, state: state.processor)
      let stop = try engine.run(RunLimits(instructions: 1), into: nil)
      let software = NativeVote.Software(
        state: engine.state, isPlainEnd: stop == .limit, memory: platform.memory,
        undefined: engine.undefinedMasks)
      return try NativeVote(machine).vote(
        X86FuzzCase(seed: 0, bytes: code, state: state.processor), software, storage: storage,
        usesSystem: true)
    }
  #endif
}
