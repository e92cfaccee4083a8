#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// Records every instruction by single-stepping, and counts them.
  ///
  /// What a step changed is the difference of the register files before and after it. The trap flag and
  /// the resume flag that stepping itself needs are kept out of records and of the guest's sight.
  struct SingleStepper {
    let support: SteppingSupport
    let instructionSet: X86InstructionSet

    /// Set when the guest went where this host cannot step.
    private(set) var refusal: String?

    init(support: SteppingSupport) {
      self.support = support
      instructionSet = X86InstructionSet()
    }

    private static let trapFlag: UInt64 = 1 << 8
    private static let resumeFlag: UInt64 = 1 << 16

    mutating func run(
      _ core: KVMCore, _ limits: RunLimits, _ recorder: TraceRecorder
    ) throws(KVMError) -> StopReason {
      var before = try Self.clean(core.readState())
      var remaining = limits.instructions
      var isFirst = true
      var hasRetired = before.deliveries == 0
      try core.setDebugging(steps: true)
      while true {
        if let failure = recorder.failure { return .recorderFailed("\(failure)") }
        if core.platform.controller != nil,
          let state = try core.takeInterruptStepping(before, hasRetired: hasRetired, recorder)
        {
          before = Self.clean(state)
          hasRetired = false
          // The entry of its handler is a place like any other.
          isFirst = false
          if let observer = core.observer, observer(before) { return .breakpoint(pc: before[.rip]) }
        }
        if remaining == 0 { return .limit }
        if !isFirst, limits.until.contains(before[.rip]) { return .breakpoint(pc: before[.rip]) }
        isFirst = false
        if let reason = support.refuses(before) {
          refusal = reason
          return .hostFailure(reason)
        }
        try core.takeView()
        var step = Step(before, core)
        if !support.user64, core.entersRing3(step.before, step.opcode) {
          let reason = SteppingSupport.refusal("ring 3", before[.rip])
          refusal = reason
          return .hostFailure(reason)
        }
        let stop = try perform(&step, core)
        if let stop, !step.isOver {
          try Self.finish(stop, core, recorder, before)
          return stop
        }
        let clock = core.platform.retired
        record(step, core, recorder)
        let retired = core.platform.retired &- clock
        remaining -= min(remaining, retired)
        hasRetired = retired > 0
        before = step.after
        if stop == nil, let observer = core.observer, observer(before) {
          return .breakpoint(pc: before[.rip])
        }
        if case .idle = stop, core.platform.controller != nil {
          guard try core.waitForInterrupt() == .woken else { return stop ?? .limit }
          core.isHalted = false
          before[.halted] = 0
          if let stop = core.platform.stop { return stop }
        } else if let stop {
          return stop
        }
      }
    }

    // MARK: One instruction

    /// One instruction's step: what was there before, what came of it.
    private struct Step {
      let before: ProcessorState
      let mode: UInt8
      let bytes: [UInt8]
      let opcode: SteppedOpcode
      let context: X86DecodeContext
      var after: ProcessorState
      var accesses: [DeviceAccess] = []
      var exits: [UInt32] = []
      /// The instruction completed or trapped.
      var isOver = false

      init(_ state: ProcessorState, _ core: KVMCore) {
        before = state
        after = state
        let protected = state[.cr0] & 1 != 0
        let is64 = state[.efer] & 0x400 != 0 && state[.csAttributes] & 0x2000 != 0
        let code: Width = is64 ? .bits64 : state[.csAttributes] & 0x4000 != 0 ? .bits32 : .bits16
        let stack: Width = state[.ssAttributes] & 0x4000 != 0 ? .bits32 : .bits16
        context = X86DecodeContext(code: code, stack: stack, protected: protected)
        mode = protected ? UInt8(truncatingIfNeeded: state[.cs] & 3) : 0
        let linear = is64 ? state[.rip] : (state[.csBase] &+ state[.rip]) & 0xFFFF_FFFF
        bytes = core.fetch(linear: linear, paging: state[.cr0] >> 31 != 0)
        opcode = SteppedOpcode(bytes, is64: is64, is16: code == .bits16)
      }
    }

    /// Steps until the instruction is over or the run must end.
    private func perform(_ step: inout Step, _ core: KVMCore) throws(KVMError) -> StopReason? {
      if step.opcode.kind == .syscall {
        // The flag mask may clear the trap flag on entry: stop at the entry itself, too.
        try core.setDebugging(steps: true, breakpoints: [step.before[.lstar]])
      }
      let isSplit = try core.splitRepetition(step.before, step.opcode)
      repeat {
        switch core.enter() {
        case .failed(let text): return .hostFailure(text)
        case .interrupted:
          if ckvm_get_immediate_exit(core.page) != 0 {
            if isSplit { try core.joinRepetition(step.before, &step.after, step.opcode) }
            return .hostTimeLimit
          }
          continue
        case .exit(let reason):
          if let stop = try take(reason, &step, core) { return stop }
        }
        try core.readFrequent(into: &step.after)
        step.after = Self.clean(step.after)
        // The kernel's interpreter takes a step of its own to see that the count is used up.
      } while step.opcode.isRepeated && step.after[.rip] == step.before[.rip]
      if isSplit { try core.joinRepetition(step.before, &step.after, step.opcode) }
      step.isOver = true
      try restoreStepping(&step, core)
      if step.opcode.kind == .halt && step.before[.rip] != step.after[.rip] {
        // KVM may step past HLT without telling.
        core.isHalted = true
        step.after[.halted] = 1
        return .idle(pc: step.after[.rip])
      }
      return core.platform.stop
    }

    /// Handles one exit of the step.
    private func take(_ reason: UInt32, _ step: inout Step, _ core: KVMCore) throws(KVMError) -> StopReason? {
      switch Int32(bitPattern: reason) {
      case KVM_EXIT_DEBUG:
        core.noteHits()
        return nil
      case KVM_EXIT_IO, KVM_EXIT_MMIO:
        var current = reason
        while true {
          step.exits.append(current)
          if current == UInt32(KVM_EXIT_IO) {
            step.accesses += core.carryOutPortAccess(collects: true)
          } else {
            if let access = core.carryOutMemoryAccess() { step.accesses.append(access) }
          }
          // Completing the access ends the step, with or without a DEBUG exit, or brings the next one.
          try core.complete()
          guard core.hasAccessWaiting, case .exit(let next) = core.enter() else { break }
          current = next
        }
        core.dropUnseenExit()
        return nil
      case KVM_EXIT_HLT:
        step.exits.append(reason)
        return nil
      default:
        return try core.handle(reason, nil)
      }
    }

    /// Undoes what stepping did to the guest, and arms it again where the instruction disarmed it.
    private func restoreStepping(_ step: inout Step, _ core: KVMCore) throws(KVMError) {
      let guestTraps = step.before[.rflags] & Self.trapFlag != 0
      switch step.opcode.kind {
      case .pushFlags where !guestTraps:
        core.clearTrapFlagOnStack(step.after, width: step.context.code)
      case .syscall:
        let leaked = step.after[.r11] & Self.trapFlag
        if leaked != 0 && !guestTraps {
          step.after[.r11] &= ~Self.trapFlag
          var registers = try core.generalRegisters()
          registers.r11 = step.after[.r11]
          guard core.machine.vcpu.call(ckvm_set_regs, &registers) == 0 else {
            throw .cannotRun("KVM_SET_REGS failed: \(errorText())")
          }
        }
        try core.setDebugging(steps: true)
      case .loadsFlags, .loadsStackSegment: try core.setDebugging(steps: true)
      case .writesRareRegisters: step.after = try Self.clean(core.readState())
      default: break
      }
    }

    // MARK: Records

    private func record(_ step: Step, _ core: KVMCore, _ recorder: TraceRecorder) {
      let pc = step.before[.rip]
      for exit in step.exits {
        recorder.append(
          TraceRecord(.exit, mode: step.mode, code: exit, clock: core.platform.retired, pc: pc))
      }
      core.append(step.accesses, mode: step.mode, pc: pc, to: recorder)
      let length =
        instructionSet.length(of: InstructionBytes(step.bytes), context: step.context)
        ?? Int(clamping: min(step.after[.rip] &- pc, 15))
      if let vector = trapVector(step, length, core) {
        recorder.append(
          TraceRecord(
            .trap, mode: step.mode, code: vector, clock: core.platform.retired, pc: pc,
            aux: step.after[.rip]))
        appendEffects(step.before, step.after, step.mode, core.platform.retired, recorder)
        return
      }
      var middle: ProcessorState?
      if step.opcode.kind == .loadsStackSegment, step.after[.rip] != pc &+ UInt64(length) {
        // The debug trap came one instruction late: what SS shows is of this one, the rest of the next.
        var state = step.before
        for register in [X86Register.ss, .ssBase, .ssLimit, .ssAttributes] {
          state[register] = step.after[register]
        }
        state[.rip] = pc &+ UInt64(length)
        middle = state
      }
      retire(step.before, middle ?? step.after, step.bytes, length, step.mode, core, recorder)
      if let middle {
        let second = Step(middle, core)
        let count = instructionSet.length(of: InstructionBytes(second.bytes), context: second.context) ?? 0
        retire(middle, step.after, second.bytes, count, step.mode, core, recorder)
      }
    }

    private func retire(
      _ before: ProcessorState, _ after: ProcessorState, _ bytes: [UInt8], _ length: Int, _ mode: UInt8,
      _ core: KVMCore, _ recorder: TraceRecorder
    ) {
      core.platform.retired &+= 1
      core.stepped &+= 1
      recorder.append(
        TraceRecord(
          .retire, mode: mode, clock: core.platform.retired, pc: before[.rip], address: after[.rip],
          bytes: InstructionBytes(bytes.prefix(length))))
      appendEffects(before, after, mode, core.platform.retired, recorder)
    }

    private func appendEffects(
      _ before: ProcessorState, _ after: ProcessorState, _ mode: UInt8, _ clock: UInt64,
      _ recorder: TraceRecorder
    ) {
      for index in before.registers.indices
      where before.registers[index] != after.registers[index] && index != X86Register.rip.index
        && index != X86Register.interruptShadow.index
      {
        recorder.append(
          TraceRecord(
            .registerWrite, mode: mode, code: UInt32(index), clock: clock, value: after.registers[index]))
      }
    }

    /// The vector of the trap that the step ended in; `nil` when the instruction retired.
    ///
    /// KVM does not tell of a guest's traps. An instruction that is no branch and yet did not go straight
    /// on, to an address that is a handler in the interrupt table, trapped.
    private func trapVector(_ step: Step, _ length: Int, _ core: KVMCore) -> UInt32? {
      guard step.opcode.kind == .plain || step.opcode.isRepeated else { return nil }
      let next = step.after[.rip]
      guard next != step.before[.rip], next != (step.before[.rip] &+ UInt64(length)) & step.context.code.mask
      else { return nil }
      return core.handlerVector(next, step.after)
    }

    /// Records what ended a run inside an instruction.
    private static func finish(
      _ stop: StopReason, _ core: KVMCore, _ recorder: TraceRecorder, _ before: ProcessorState
    ) throws(KVMError) {
      guard case .checkStop = stop else { return }
      recorder.append(
        TraceRecord(
          .exit, code: UInt32(KVM_EXIT_SHUTDOWN), clock: core.platform.retired, pc: before[.rip]))
    }

    private static func clean(_ state: ProcessorState) -> ProcessorState {
      var state = state
      state[.rflags] &= ~resumeFlag
      return state
    }
  }

  extension SteppingSupport {
    /// Why stepping cannot go on in this state; `nil` when it can.
    func refuses(_ state: ProcessorState) -> String? {
      let protected = state[.cr0] & 1 != 0
      let long = state[.efer] & 0x400 != 0
      let user = protected && state[.cs] & 3 == 3
      let works = user ? user64 : long ? long64 : protected ? protected32 : real16
      if works { return nil }
      let place = user ? "ring 3" : long ? "long mode" : protected ? "protected mode" : "real mode"
      return Self.refusal(place, state[.rip])
    }

    static func refusal(_ place: String, _ pc: UInt64) -> String {
      "the guest goes to \(place) at \(hex(pc)), where this host's KVM (\(KVMProbe.flavour)) cannot single-step"
    }
  }
#endif
