/// Finds the fields in which two events differ; knows nothing of policies but register masks.
struct EventDifferences {
  /// What was found, the most telling first.
  private(set) var found: [FieldDifference] = []

  private mutating func check(_ field: TraceField, _ left: UInt64, _ right: UInt64) {
    if left != right { found.append(FieldDifference(field, left, right)) }
  }

  /// The differences of two heads.
  mutating func heads(_ left: TraceRecord, _ right: TraceRecord) {
    check(.kind, UInt64(left.kind), UInt64(right.kind))
    check(.pc, left.pc, right.pc)
    // Values of different things say nothing.
    guard left.kind == right.kind else { return }
    if left.bytes != right.bytes {
      found.append(FieldDifference(.instruction, left.bytes.low, right.bytes.low))
    }
    check(.clock, left.clock, right.clock)
    check(.mode, UInt64(left.mode), UInt64(right.mode))
    check(.cpu, UInt64(left.cpu), UInt64(right.cpu))
    check(.direction, left.isWrite ? 1 : 0, right.isWrite ? 1 : 0)
    check(.flags, UInt64(left.flags >> 5), UInt64(right.flags >> 5))
    check(.code, UInt64(left.code), UInt64(right.code))
    check(.value, left.value, right.value)
    check(.aux, left.aux, right.aux)
    check(.address, left.address, right.address)
  }

  /// The differences of two lists of effects: memory in order, registers by number.
  mutating func effects(_ left: [TraceRecord], _ right: [TraceRecord]) {
    let register = EventKind.registerWrite.rawValue
    memory(left.filter { $0.kind != register }, right.filter { $0.kind != register })
    registers(left.filter { $0.kind == register }, right.filter { $0.kind == register })
  }

  private mutating func memory(_ left: [TraceRecord], _ right: [TraceRecord]) {
    for index in 0..<max(left.count, right.count) {
      guard index < left.count, index < right.count, left[index].kind == right[index].kind else {
        found.append(
          FieldDifference(
            .memoryKind(index), index < left.count ? UInt64(left[index].kind) : nil,
            index < right.count ? UInt64(right[index].kind) : nil))
        return
      }
      check(.memoryAddress(index), left[index].address, right[index].address)
      check(.memorySize(index), left[index].aux, right[index].aux)
      check(.memoryValue(index), left[index].value, right[index].value)
    }
  }

  private mutating func registers(_ left: [TraceRecord], _ right: [TraceRecord]) {
    // The last write of an event to a register counts; sorting is stable by hand for that.
    func byNumber(_ records: [TraceRecord]) -> [(UInt32, UInt64)] {
      var result: [(UInt32, UInt64)] = []
      for (_, record) in records.enumerated().sorted(by: { ($0.1.code, $0.0) < ($1.1.code, $1.0) }) {
        if result.last?.0 == record.code { result.removeLast() }
        result.append((record.code, record.value))
      }
      return result
    }
    let (lefts, rights) = (byNumber(left), byNumber(right))
    var (l, r) = (0, 0)
    while l < lefts.count || r < rights.count {
      if r == rights.count || (l < lefts.count && lefts[l].0 < rights[r].0) {
        found.append(FieldDifference(.register(lefts[l].0), lefts[l].1, nil))
        l += 1
      } else if l == lefts.count || rights[r].0 < lefts[l].0 {
        found.append(FieldDifference(.register(rights[r].0), nil, rights[r].1))
        r += 1
      } else {
        check(.register(lefts[l].0), lefts[l].1, rights[r].1)
        l += 1
        r += 1
      }
    }
  }
}
