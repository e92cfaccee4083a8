#if os(Linux) && arch(x86_64)
  internal import CKVM
  package import MachineCore
  internal import Trace

  /// Runs single instructions in ring 3 of a KVM guest: on the real processor.
  ///
  /// The guest's memory and trap handlers are those of ``X86FuzzMachine``; what follows the instruction
  /// must be a HLT, so that every case ends in a trap, and so in a handler.
  package final class NativeUserMode {
    /// Memory of the guest.
    package let platform: Platform
    private let guest: KVMGuest
    private let system: kvm_sregs

    /// What the processor was like in the handler that ended a case.
    package struct Outcome: Sendable {
      /// General registers; the stack pointer is ring 0's, with the trap's frame at it.
      package var registers: [UInt64]
      package var rip: UInt64 = 0
      /// Address of the last page fault.
      package var cr2: UInt64 = 0
      /// The vector whose handler ended the case.
      package var trap: UInt64 { (rip &- 1 &- X86FuzzMachine.handlers) >> 4 }
      /// Address that the trap saved.
      package fileprivate(set) var savedRIP: UInt64 = 0
      /// Address of the saved instruction pointer in the frame.
      package var frame: UInt64 { registers[4] &+ (hasErrorCode ? 8 : 0) }
      /// Whether the frame begins with an error code.
      package var hasErrorCode: Bool { [8, 10, 11, 12, 13, 14, 17, 21].contains(trap) }
    }

    /// A guest in the machine's surroundings.
    ///
    /// - Throws: ``EngineRefusal`` where there is no usable KVM.
    package init(_ machine: X86FuzzMachine) throws(EngineRefusal) {
      guard machine.mode == .long64 else {
        throw EngineRefusal("the hardware runs single instructions in 64-bit mode only")
      }
      var state = machine.base
      machine.enterRing3(&state)
      do throws(MachineError) {
        platform = try PCPlatform.make(memorySize: X86FuzzMachine.memorySize, input: [])
        try platform.memory.write(machine.memory, at: 0)
      } catch {
        throw EngineRefusal(error.description)
      }
      do throws(KVMError) {
        guest = try KVMGuest(platform: platform, state: state)
      } catch {
        throw EngineRefusal(error.description, remedy: error.remedy, isHostLack: true)
      }
      system = guest.perform(kvm_sregs()) { core in
        var system = kvm_sregs()
        _ = core.machine.vcpu.call(ckvm_get_sregs, &system)
        return system
      }
    }

    /// Runs the instruction that the state is at; `nil` when it does not end in that time.
    ///
    /// - Parameter usesSystem: segments and system registers are the state's, not those of the surroundings.
    package func run(
      _ state: ProcessorState, usesSystem: Bool = false, within seconds: Double = 1
    ) -> Outcome? {
      var template = system
      if usesSystem { KVMVirtualMachine.write(state, into: &template) }
      let box = Box()
      let system = template
      let reason = guest.run(within: seconds) { core throws(KVMError) in
        var system = system
        guard core.machine.vcpu.call(ckvm_set_sregs, &system) == 0 else {
          return .hostFailure("KVM_SET_SREGS")
        }
        var general = Self.general(state)
        guard core.machine.vcpu.call(ckvm_set_regs, &general) == 0 else {
          return .hostFailure("KVM_SET_REGS")
        }
        switch core.enter() {
        case .exit(UInt32(KVM_EXIT_HLT)): break
        case .exit(let number): return .hostFailure("KVM_EXIT_\(KVMExit.name(number))")
        case .interrupted: return .hostTimeLimit
        case .failed(let text): return .hostFailure(text)
        }
        _ = core.machine.vcpu.call(ckvm_get_regs, &general)
        _ = core.machine.vcpu.call(ckvm_get_sregs, &system)
        var result = ProcessorState(registers: [UInt64](repeating: 0, count: X86Register.allCases.count))
        KVMVirtualMachine.read(general, into: &result)
        box.outcome = Outcome(
          registers: Array(result.registers.prefix(16)), rip: general.rip, cr2: system.cr2)
        return .limit
      }
      guard reason == .limit, var outcome = box.outcome else { return nil }
      outcome.savedRIP = platform.memory.load(outcome.frame, width: 8) ?? 0
      return outcome
    }

    private final class Box {
      var outcome: Outcome?
    }

    private static func general(_ state: ProcessorState) -> kvm_regs {
      var general = kvm_regs()
      KVMVirtualMachine.write(state, into: &general)
      return general
    }
  }
#endif
