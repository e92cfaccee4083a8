internal import MachineCore
public import Trace

/// What a comparison of x86 traces must know of the instruction set.
public enum X86Comparison {
  /// Which flags an instruction leaves undefined and which it defines, for the head of a retire event.
  ///
  /// A shift by CL counts as a shift by more than one, and a repeated comparison as one of nothing: the
  /// trace does not tell the count.
  @Sendable public static func undefinedBits(_ record: TraceRecord) -> [UndefinedBits] {
    guard let decoded = decode(record.bytes) else { return [] }
    let operation = X86Row.all[decoded.row].operation
    let note = X86OperationNote[operation]
    guard !note.undefined.isEmpty || !note.modified.isEmpty else { return [] }
    var undefined = note.undefined
    var defined = note.modified.subtracting(undefined)
    switch operation {
    case .shl, .shr, .sar, .shld, .shrd, .rol, .ror, .rcl, .rcr:
      let width = UInt64(decoded.operands[0].width.rawValue)
      switch count(decoded, width) {
      case nil: defined = []
      case 0: (undefined, defined) = ([], [])
      case let count?:
        if count == 1 { undefined.remove(.overflow) }
        if count < width { undefined.remove(.carry) }
        if operation == .shld || operation == .shrd, count <= width {
          undefined.formIntersection([.adjust, .overflow])
          if count == 1 { undefined.remove(.overflow) }
        }
        defined = note.modified.subtracting(undefined)
      }
    case .scas where decoded.form.repeats != 0, .cmps where decoded.form.repeats != 0:
      // With a count of zero nothing is compared, and the flags stay.
      defined = []
    default: break
    }
    return [
      UndefinedBits(
        register: UInt32(X86Register.rflags.id), undefined: undefined.rawValue, defined: defined.rawValue)
    ]
  }

  /// What a comparison with the real processor leaves out: flags that the manual leaves undefined, and
  /// registers that a measured behaviour of this host explains.
  ///
  /// Software engines agree on undefined flags, so between them nothing is left out.
  /// - Parameter deviations: what was measured, ``HostDeviations/measured``.
  public static func policy(withHardware deviations: [HostDeviation]) -> ComparisonPolicy {
    var policy = ComparisonPolicy()
    policy.undefinedBits = undefinedBits
    policy.deviations.append(
      afterShutdown("CR2 after a shutdown: a page fault stores it before its delivery fails") { field in
        field == .register(UInt32(X86Register.cr2.id))
      })
    for deviation in deviations {
      for register in deviation.registers {
        policy.deviations.append(
          KnownDeviation(
            reason: "host deviation \(deviation.id) (\(register.name))", field: .register(UInt32(register.id))
          ))
      }
      if deviation.id == HostDeviation.shutdownState { policy.deviations.append(shutdownState) }
      if deviation.id == HostDeviation.features { policy.deviations.append(features) }
    }
    return policy
  }

  /// Where the guest was when the processor shut down, and what the registers held.
  private static let shutdownState = afterShutdown("host deviation \(HostDeviation.shutdownState)") { field in
    switch field {
    case .pc, .mode, .register: true
    default: false
    }
  }

  /// What CPUID gives, where the host tells of another processor than the machine's; nothing but its results, and only
  /// where they are seen with the instruction itself.
  private static let features = KnownDeviation(reason: "host deviation \(HostDeviation.features)") {
    left, right, field in
    let results: [X86Register] = [.rax, .rbx, .rcx, .rdx]
    guard case .register(let number) = field, results.contains(where: { UInt32($0.id) == number }) else {
      return false
    }
    return [left.head, right.head].allSatisfy {
      $0.kind == EventKind.retire.rawValue && $0.bytes == InstructionBytes([0x0F, 0xA2])
    }
  }

  /// A deviation of fields of the events that end a trace with a check stop.
  private static func afterShutdown(
    _ reason: String, _ matches: @escaping @Sendable (TraceField) -> Bool
  ) -> KnownDeviation {
    KnownDeviation(reason: reason) { left, right, field in
      let code = StopReason.checkStop(cause: 0, pc: 0).code
      let ends = [EventKind.halt.rawValue, EventKind.final.rawValue]
      return [left.head, right.head].allSatisfy { $0.code == code && ends.contains($0.kind) }
        && matches(field)
    }
  }

  /// Shift count of an instruction with an immediate one; `nil` when it is in CL.
  private static func count(_ decoded: X86Decoded, _ width: UInt64) -> UInt64? {
    for index in stride(from: 3, through: 1, by: -1) where decoded.operands[index].kind == .immediate {
      return decoded.operands[index].value & (width == 64 ? 63 : 31)
    }
    return nil
  }

  /// Decodes without knowing the mode: in the one whose length is that of the bytes.
  private static func decode(_ bytes: InstructionBytes) -> X86Decoded? {
    for context in [X86DecodeContext.long64, .flat32, .real16] {
      if case .decoded(let decoded) = X86Decoder.shared.decode(bytes, context: context),
        decoded.length == bytes.count
      {
        return decoded
      }
    }
    return nil
  }
}
