/// Compares two traces event by event, in constant memory.
public struct TraceComparator {
  private let policy: ComparisonPolicy
  private let left: any TraceSource
  private let right: any TraceSource
  private var notes: [String]
  private let hasBothClocks: Bool

  private let leftEvents: EventStream
  private let rightEvents: EventStream
  private let leftTable = RegisterTable()
  private let rightTable = RegisterTable()
  private var masks: [UInt32: (bits: UInt64, reason: String)] = [:]
  private var undefined: [UInt32: UInt64] = [:]
  /// Bits that were undefined before the instruction, of the registers whose bits it changed.
  private var undefinedBefore: [UInt32: UInt64] = [:]
  private var exceptions: [ComparisonException] = []
  private var followsTime = false
  private var events: UInt64 = 0
  private var leftRing: [TraceEvent] = []
  private var rightRing: [TraceEvent] = []

  private init(_ left: any TraceSource, _ right: any TraceSource, _ asked: ComparisonPolicy) {
    (policy, notes) = asked.adapted(to: left.header, right.header)
    self.left = left
    self.right = right
    hasBothClocks = left.header.hasClock && right.header.hasClock
    leftEvents = EventStream(left, policy)
    rightEvents = EventStream(right, policy)
    for mask in policy.registerMasks where mask.bits != .max {
      let before = masks[mask.register]
      masks[mask.register] = (
        mask.bits | (before?.bits ?? 0), before.map { "\($0.reason), \(mask.reason)" } ?? mask.reason
      )
    }
  }

  /// Reads both traces until they end or differ; stored ones to their ends in any case.
  ///
  /// - Throws: ``TraceError`` when one of them cannot be read to the place where the comparison ends, or
  ///   when a stored one is damaged behind it: then what was compared is not what was recorded.
  public static func compare(
    _ left: any TraceSource, _ right: any TraceSource, policy: ComparisonPolicy = ComparisonPolicy()
  ) throws(TraceError) -> ComparisonResult {
    if let reason = incomparable(left.header, right.header) {
      return ComparisonResult(verdict: .notComparable(reason), events: 0, notes: [])
    }
    var comparator = TraceComparator(left, right, policy)
    var verdict = try comparator.run()
    let isImport = left.header.isImported || right.header.isImported
    if isImport, comparator.events == 0, verdict.exitStatus == 0 {
      verdict = .notComparable("at this level the traces have no event that both record")
    }
    for source in [left, right] where source.isStored { try readToEnd(source) }
    comparator.countIgnored()
    return ComparisonResult(verdict: verdict, events: comparator.events, notes: comparator.notes)
  }

  /// Reads what is left, for the checks that the end of a stored trace brings.
  private static func readToEnd(_ source: any TraceSource) throws(TraceError) {
    let batch = UnsafeMutableBufferPointer<TraceRecord>.allocate(capacity: 1024)
    defer { batch.deallocate() }
    while try source.read(into: batch) > 0 {}
  }

  /// Why these are not two runs of one thing, if they are not.
  static func incomparable(_ left: TraceHeader, _ right: TraceHeader) -> String? {
    func differ(_ what: String, _ first: String, _ second: String) -> String? {
      first == second ? nil : "\(what) differ: `\(first)` and `\(second)`"
    }
    func differ(_ what: String, _ first: UInt64, _ second: UInt64) -> String? {
      first == second
        ? nil : "\(what) differ: 0x\(String(first, radix: 16)) and 0x\(String(second, radix: 16))"
    }
    func vocabularies(_ what: String, _ first: [String], _ second: [String]) -> String? {
      first == second || first.isEmpty || second.isEmpty ? nil : "the names of \(what) differ"
    }
    return differ("schema versions", UInt64(left.version), UInt64(right.version))
      ?? differ("instruction sets", left.isa, right.isa) ?? differ("variants", left.variant, right.variant)
      ?? differ("program digests", left.programDigest, right.programDigest)
      ?? differ("configuration digests", left.configurationDigest, right.configurationDigest)
      ?? vocabularies("registers", left.registers, right.registers)
      ?? vocabularies("causes", left.causes, right.causes) ?? vocabularies("stops", left.stops, right.stops)
  }

  private mutating func run() throws(TraceError) -> ComparisonVerdict {
    while true {
      let hasLeft = try leftEvents.advance()
      let hasRight = try rightEvents.advance()
      guard hasLeft, hasRight else {
        if !hasLeft, !hasRight { return finished }
        return ending(hasLeft: hasLeft, hasRight: hasRight)
      }
      if policy.acceptsPrefix, let stopped = stoppedEarly {
        except("\(stopped) trace stops at its limit; what the other does after that was not compared")
        return finished
      }
      if policy.undefinedBits != nil { followUndefinedBits() }
      var leftHead = leftEvents.event.head
      if policy.ignoreClock, !hasBothClocks { leftHead.clock = rightEvents.event.head.clock }
      if !policy.omissions.isEmpty { leftHead = adapted(leftHead, to: rightEvents.event.head) }
      let isSame = leftHead == rightEvents.event.head && leftEvents.event.effects == rightEvents.event.effects
      if !isSame || followsTime || !policy.timePorts.isEmpty, let divergence = examine() {
        return .divergent(divergence)
      }
      leftTable.follow(leftEvents.event)
      rightTable.follow(rightEvents.event)
      keepContext()
      events += 1
    }
  }

  /// The head with those fields of the other that one of the traces does not have.
  private func adapted(_ head: TraceRecord, to other: TraceRecord) -> TraceRecord {
    var head = head
    if policy.omissions.contains(.modes) { head.mode = other.mode }
    if hasSameInstruction(head, other) { head.bytes = other.bytes }
    return head
  }

  /// Whether the instructions are the same as far as both traces have them.
  private func hasSameInstruction(_ left: TraceRecord, _ right: TraceRecord) -> Bool {
    policy.omissions.contains(.instructionTails)
      && left.bytes.agrees(with: right.bytes, upTo: TraceOmission.headBytes)
  }

  private var finished: ComparisonVerdict {
    exceptions.isEmpty ? .equal : .equalExcept(exceptions)
  }

  /// One trace ended, the other did not.
  private mutating func ending(hasLeft: Bool, hasRight: Bool) -> ComparisonVerdict {
    if policy.acceptsPrefix {
      except(
        "the \(hasLeft ? "second" : "first") trace ends here; what the other does after that was not compared"
      )
      return finished
    }
    let ended = hasLeft ? right.header : left.header
    if ended.omissions.contains(.ends) {
      except(
        "the recording of the \(hasLeft ? "second" : "first") trace ends here; what the other does after that was not compared"
      )
      return finished
    }
    let difference = FieldDifference(
      .end, hasLeft ? leftEvents.event.index : nil, hasRight ? rightEvents.event.index : nil)
    return .divergent(
      divergence([difference], hasLeft ? leftEvents.event : nil, hasRight ? rightEvents.event : nil))
  }

  /// Which trace says with its final event that it was stopped where the other goes on.
  private var stoppedEarly: String? {
    func isLimited(_ head: TraceRecord, _ header: TraceHeader) -> Bool {
      head.kind == EventKind.final.rawValue
        && ["limit", "breakpoint", "host-time-limit"].contains(header.stopName(head.code))
    }
    let (l, r) = (leftEvents.event.head, rightEvents.event.head)
    guard (l.kind == EventKind.final.rawValue) != (r.kind == EventKind.final.rawValue) else { return nil }
    if isLimited(l, left.header) { return "the first" }
    return isLimited(r, right.header) ? "the second" : nil
  }

  // MARK: Differences

  /// Looks at two events that are not the same; returns a divergence unless the policy accepts every difference.
  private mutating func examine() -> Divergence? {
    var differences = EventDifferences()
    differences.heads(leftEvents.event.head, rightEvents.event.head)
    differences.effects(leftEvents.event.effects, rightEvents.event.effects)
    var remaining: [FieldDifference] = []
    for difference in differences.found {
      switch judge(difference) {
      case .different: remaining.append(difference)
      case .same: break
      case .accepted(let reason): except(reason)
      }
    }
    followTime()
    guard !remaining.isEmpty else { return nil }
    return divergence(remaining, leftEvents.event, rightEvents.event)
  }

  private enum Judgement {
    case same
    case accepted(String)
    case different
  }

  private func judge(_ difference: FieldDifference) -> Judgement {
    let (l, r) = (leftEvents.event.head, rightEvents.event.head)
    switch difference.field {
    case .clock where policy.ignoreClock:
      return hasBothClocks ? .accepted("clock ignored") : .same
    case .mode where policy.omissions.contains(.modes): return .same
    case .instruction where hasSameInstruction(l, r): return .same
    case .mode where policy.ignoreModes:
      return .accepted("privilege mode ignored")
    case .value
    where l.kind == EventKind.device.rawValue && policy.timePorts.contains(l.code) && !l.isWrite && !r.isWrite:
      return .accepted("time read from a device")
    case .register(let register):
      if followsTime { return .accepted("time read from a device") }
      if let judgement = judge(register, difference) { return judgement }
    case .memoryValue where followsTime:
      return .accepted("time read from a device")
    default: break
    }
    for deviation in policy.deviations
    where deviation.matches(leftEvents.event, rightEvents.event, difference.field) {
      return .accepted(deviation.reason)
    }
    return .different
  }

  /// Judges a register with masked bits; `nil` if it has none or other bits differ.
  private func judge(_ register: UInt32, _ difference: FieldDifference) -> Judgement? {
    let mask = masks[register]
    let undefined = undefined[register] ?? 0
    let bits = (mask?.bits ?? 0) | undefined
    // A register that this instruction defined may have come from different values: it can be written in
    // one trace only, because the other had the new value before.
    guard (bits | (undefinedBefore[register] ?? 0)) != 0 else { return nil }
    let reason = mask?.reason ?? "undefined bits of register \(left.header.registerName(register))"
    // A register that did not change has no effect; its value is the one it had.
    guard let l = difference.left ?? leftTable.value(register),
      let r = difference.right ?? rightTable.value(register)
    else { return .accepted("\(reason) (value before is not in the trace)") }
    if l == r { return .same }
    return (l ^ r) & ~bits == 0 ? .accepted(reason) : nil
  }

  private mutating func followUndefinedBits() {
    // The one that has all bytes of the instruction.
    let head =
      left.header.omissions.contains(.instructionTails) ? rightEvents.event.head : leftEvents.event.head
    undefinedBefore.removeAll(keepingCapacity: true)
    guard head.kind == EventKind.retire.rawValue, let change = policy.undefinedBits else { return }
    for bits in change(head) {
      let before = undefined[bits.register] ?? 0
      if before != 0 { undefinedBefore[bits.register, default: 0] |= before }
      let rest = before & ~bits.defined | bits.undefined
      undefined[bits.register] = rest == 0 ? nil : rest
    }
  }

  /// After a time was read, the event of the reading instruction may hold it.
  private mutating func followTime() {
    let head = leftEvents.event.head
    if head.kind == EventKind.device.rawValue {
      if policy.timePorts.contains(head.code), !head.isWrite { followsTime = true }
    } else {
      followsTime = false
    }
  }

  private mutating func except(_ reason: String) {
    if let index = exceptions.firstIndex(where: { $0.reason == reason }) {
      exceptions[index].count += 1
    } else {
      exceptions.append(ComparisonException(reason: reason, count: 1, firstEvent: events))
    }
  }

  // MARK: Context

  private var ringSize: Int { min(max(policy.contextEvents, 0), 1000) }

  private mutating func keepContext() {
    guard ringSize > 0 else { return }
    guard leftRing.count == ringSize else {
      leftRing.append(leftEvents.event)
      rightRing.append(rightEvents.event)
      return
    }
    // Swapping hands the storage of the oldest event back to be filled again.
    let slot = Int(events % UInt64(ringSize))
    swap(&leftRing[slot], &leftEvents.event)
    swap(&rightRing[slot], &rightEvents.event)
  }

  private func divergence(
    _ differences: [FieldDifference], _ leftEvent: TraceEvent?, _ rightEvent: TraceEvent?
  ) -> Divergence {
    let first = differences[0]
    let kind = (leftEvent ?? rightEvent)?.head.eventKind
    var result = Divergence(
      index: events, left: leftEvent, right: rightEvent, difference: first,
      fieldName: first.field.name(kind, left.header), otherDifferences: Array(differences.dropFirst()),
      leftBefore: leftRing.sorted { $0.index < $1.index },
      rightBefore: rightRing.sorted { $0.index < $1.index },
      leftAfter: [], rightAfter: [])
    switch first.field {
    case .register(let register):
      result.leftWriter = leftTable.writer(ofRegister: register)
      result.rightWriter = rightTable.writer(ofRegister: register)
    case .memoryValue(let index), .memoryKind(let index), .memoryAddress(let index), .memorySize(let index):
      if let effect = memoryEffect(leftEvent, index) {
        result.leftWriter = leftTable.writer(ofMemory: effect.address, size: effect.aux)
      }
      if let effect = memoryEffect(rightEvent, index) {
        result.rightWriter = rightTable.writer(ofMemory: effect.address, size: effect.aux)
      }
    default: break
    }
    if leftEvent != nil { result.leftAfter = after(leftEvents) }
    if rightEvent != nil { result.rightAfter = after(rightEvents) }
    return result
  }

  private func memoryEffect(_ event: TraceEvent?, _ index: Int) -> TraceRecord? {
    let effects = (event?.effects ?? []).filter { $0.kind != EventKind.registerWrite.rawValue }
    return index < effects.count ? effects[index] : nil
  }

  private func after(_ stream: EventStream) -> [TraceEvent] {
    var result: [TraceEvent] = []
    // Damage is reported when the rest of a stored trace is read.
    while result.count < ringSize, (try? stream.advance()) == true { result.append(stream.event) }
    return result
  }

  private mutating func countIgnored() {
    func note(_ what: String, _ count: KeyPath<EventStream, UInt64>) {
      let (l, r) = (leftEvents[keyPath: count], rightEvents[keyPath: count])
      if l + r > 0 { notes.append("left out: \(what), \(l) in the first trace, \(r) in the second") }
    }
    note("VMM events", \.skippedVMM)
    note("events above the level", \.skippedLevel)
    note("memory effects", \.skippedMemory)
    note("traps", \.skippedTraps)
    note("device accesses", \.skippedDevices)
    note("halts and final events", \.skippedEnds)
    note("writes to registers that one of the traces does not record", \.skippedUnrecorded)
    let reasons = policy.registerMasks.filter { $0.bits == .max }.map {
      "\(left.header.registerName($0.register)): \($0.reason)"
    }
    note("writes to ignored registers (\(reasons.joined(separator: "; ")))", \.skippedRegisters)
    note("records of unknown kinds", \.skippedUnknown)
    for (name, source) in [("first", left), ("second", right)] {
      if let reader = source as? TraceReader, reader.skippedLines > 0 {
        notes.append(
          "the \(name) trace has \(reader.skippedLines) lines of kinds that this version does not know; its check sum could not be verified"
        )
      }
    }
  }
}
