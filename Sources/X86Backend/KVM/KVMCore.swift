#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import Glibc
  internal import MachineCore
  internal import Trace

  /// The part of the KVM engine that lives on the vCPU's thread.
  final class KVMCore {
    let machine: KVMVirtualMachine
    let platform: Platform

    /// Exits by KVM's number; the last place takes what is beyond the names.
    private(set) var exitCounts = [UInt64](repeating: 0, count: KVMExit.names.count + 1)
    /// The vCPU executed HLT.
    var isHalted = false
    /// The last exit was an access whose instruction the kernel has not finished.
    var isIncomplete = false
    /// The run page holds an exit that the loop has not looked at.
    var hasUnseenExit = false
    /// The platform's view of storage that KVM was given; 0 for all of it in one piece.
    var viewVersion: UInt64 = 0
    /// Instructions retired while single-stepping.
    var stepped: UInt64 = 0
    /// Single-stepping or breakpoints are armed.
    var isDebugging = false
    /// Loads and stores that stop a run, in the first debug registers.
    var watches: [DebugSlot] = []
    /// Which of them stopped runs since somebody looked.
    var hits: Set<Int> = []
    /// Asked after every single step, with the state; `true` ends the run there.
    var observer: ((ProcessorState) -> Bool)?
    /// Why the last run could not go on at the level it was asked for.
    var refusal: String?
    /// The host's clock, for a guest that runs freely.
    var clock: KVMHostClock?
    /// Interrupts given to the guest.
    var injected: UInt64 = 0
    /// Pages of storage written to, where that is kept.
    var writes: KVMDirtyLog?
    /// Breaches of resource control that were seen, each once.
    var breaches: [String] = []
    /// Blocked signals of the vCPU's thread before the first run.
    private(set) var originalSignals: UInt64 = 0
    /// Text of the first failure; the machine is not usable after it.
    var failure: String?

    init(machine: KVMVirtualMachine, platform: Platform) {
      self.machine = machine
      self.platform = platform
      originalSignals = signalMask()
    }

    var page: UnsafeMutablePointer<kvm_run> { machine.page.pointer }

    // MARK: State

    /// The whole state, with the last access complete.
    func readState() throws(KVMError) -> ProcessorState {
      try complete()
      return try machine.readState(halted: isHalted)
    }

    /// What the state has no place for and is not as in a vCPU that never ran; `nil` if all is.
    func surplusState() throws(KVMError) -> String? {
      try complete()
      if hasAccessWaiting { return "an instruction is in the middle of its device accesses" }
      if let event = try machine.pendingEvent() { return event }
      return try machine.inventory().surplus(over: KVMInventory.fresh.get())
    }

    /// Replaces the whole state.
    func writeState(_ state: ProcessorState) throws(KVMError) {
      try complete()
      hasUnseenExit = false
      isHalted = state[.halted] != 0
      // What the last exit said of interrupts was said of another state.
      page.pointee.ready_for_interrupt_injection = 0
      try machine.writeState(state)
    }

    /// General registers as they are, the last access complete or not.
    func generalRegisters() throws(KVMError) -> kvm_regs {
      var registers = kvm_regs()
      guard machine.vcpu.call(ckvm_get_regs, &registers) == 0 else {
        throw .cannotRun("KVM_GET_REGS failed: \(errorText())")
      }
      return registers
    }

    /// Privilege mode for traces: 0 in real mode, else the current privilege level.
    func privilege() -> UInt8 {
      var system = kvm_sregs()
      guard machine.vcpu.call(ckvm_get_sregs, &system) == 0 else { return 0 }
      return Self.privilege(system)
    }

    static func privilege(_ system: kvm_sregs) -> UInt8 {
      system.cr0 & 1 == 0 ? 0 : UInt8(truncatingIfNeeded: system.cs.selector & 3)
    }

    // MARK: Entering

    /// What KVM_RUN gave.
    enum Entry {
      case exit(UInt32)
      case interrupted
      case failed(String)
    }

    /// Enters the guest, or gives the exit that completing an access brought.
    func enter() -> Entry {
      if hasUnseenExit {
        hasUnseenExit = false
        return count()
      }
      isIncomplete = false
      machine.deliveries = 0
      guard machine.vcpu.call(ckvm_run) == 0 else {
        let number = errno
        if number == EINTR || number == EAGAIN { return .interrupted }
        return .failed("KVM_RUN: \(errorText(number))")
      }
      return count()
    }

    /// Counts port exits that were served in a row.
    func countServed(_ count: UInt64) { exitCounts[Int(KVM_EXIT_IO)] &+= count }

    private func count() -> Entry {
      let reason = ckvm_exit_reason(page)
      exitCounts[min(Int(reason), exitCounts.count - 1)] &+= 1
      return .exit(reason)
    }

    /// Finishes the instruction of the last access: KVM does it when the vCPU is entered again.
    func complete() throws(KVMError) {
      guard isIncomplete else { return }
      isIncomplete = false
      ckvm_set_immediate_exit(page, 1)
      defer { ckvm_set_immediate_exit(page, 0) }
      if machine.vcpu.call(ckvm_run) == 0 {
        // The same instruction goes on (a string instruction, a split access), or the step is over.
        hasUnseenExit = true
      } else if errno != EINTR {
        throw .cannotRun("KVM_RUN failed to complete an access: \(errorText())")
      }
    }

    /// Whether completing an access brought another exit; the caller wants only to know of accesses.
    var hasAccessWaiting: Bool {
      guard hasUnseenExit else { return false }
      let reason = ckvm_exit_reason(page)
      return reason == UInt32(KVM_EXIT_IO) || reason == UInt32(KVM_EXIT_MMIO)
    }

    /// Forgets a DEBUG exit that completing an access brought.
    func dropUnseenExit() { hasUnseenExit = false }

    /// Exits by name, those that happened.
    var exits: [String: UInt64] {
      var result: [String: UInt64] = [:]
      for (reason, count) in exitCounts.enumerated() where count > 0 {
        result[reason < KVMExit.names.count ? KVMExit.names[reason] : "other"] = count
      }
      return result
    }
  }
#endif
