import MachineCore
import Trace
import X86Backend

/// An instruction that a log says was begun.
struct BegunInstruction {
  /// Line of the log, from 1.
  var line: Int
  var pc: UInt64
  var bytes: InstructionBytes
  var mode: UInt8 = 0
  /// The registers before it, by number; empty if the log has none.
  var before: [UInt64] = []
  /// Changes that the log itself gives.
  var changes: [(register: UInt32, value: UInt64)] = []
  /// Whether the log shows a memory access of it; `nil` if it shows none of any instruction.
  var touchesMemory: Bool?
}

/// A trap or interrupt that a log tells of, after an instruction was begun.
struct LoggedDelivery {
  var line: Int
  var vector: UInt32
  /// Error code, or the linear address of a page fault.
  var value: UInt64
  /// A device asked for it.
  var isInterrupt: Bool
  /// The address that was saved; `nil` if the log does not tell.
  var pc: UInt64?
  var mode: UInt8?
  /// The registers before the delivery; empty if the log has none.
  var before: [UInt64] = []
}

/// Makes a trace of instructions that were begun: what became of one is known when the next one begins.
struct ImportedRun {
  private let recorder: TraceRecorder
  /// Numbers of the registers that are compared from one instruction to the next.
  private let registers: [Int]
  private var begun: BegunInstruction?
  private var deliveries: [LoggedDelivery] = []
  /// The last iteration of a repeated instruction, until it is known where it led.
  private var held: [TraceRecord] = []
  /// How many instructions retired.
  private(set) var retired: UInt64 = 0
  /// Instructions that the log shows twice, and that were left out once.
  private(set) var repetitions: UInt64 = 0

  init(to recorder: TraceRecorder, registers: [X86Register]) {
    self.recorder = recorder
    self.registers = registers.map(\.index)
  }

  /// The deliveries after the instruction that began last.
  mutating func deliver(_ delivery: LoggedDelivery) {
    // Before the first instruction nothing is recorded.
    if begun != nil { deliveries.append(delivery) }
  }

  /// The instruction that began last was not executed after all.
  mutating func cancel() {
    begun = nil
    repetitions += 1
  }

  /// An instruction begins; what became of the one before is recorded.
  ///
  /// - Throws: the line and reason when the log does not tell enough.
  mutating func begin(_ next: BegunInstruction) throws(ImportFault) {
    defer {
      begun = next
      deliveries.removeAll(keepingCapacity: true)
    }
    guard let last = begun else { return }
    if deliveries.isEmpty {
      if isSameAgain(last, next) {
        repetitions += 1
        return
      }
      if endsRepetition(last, next) {
        held[0].address = next.pc
        flush()
        return
      }
      retire(last, next: next.pc, after: next.before)
      return
    }
    try end(last, next)
  }

  /// Hands on what was held back. The instruction that began last is left out: nobody saw what became of it.
  mutating func finish() {
    flush()
    recorder.flush()
  }

  // MARK: What an instruction became

  /// The last of the deliveries is the one whose handler is entered: the others failed on the way.
  private mutating func end(_ last: BegunInstruction, _ next: BegunInstruction) throws(ImportFault) {
    guard var delivery = deliveries.last, let first = deliveries.first else { return }
    guard let saved = first.pc ?? (first.isInterrupt ? nil : last.pc) else {
      throw ImportFault(
        line: delivery.line,
        "interrupt \(delivery.vector) in real mode: QEMU does not log where it came, so what follows cannot be told; stop before it with --max-instructions \(retired)"
      )
    }
    var before = first.before.isEmpty ? last.before : first.before
    if !first.before.isEmpty, !last.before.isEmpty, !first.isInterrupt {
      // What comes with the exception is there already when QEMU shows the state.
      for register in [X86Register.cr2, .dr6] { before[register.index] = last.before[register.index] }
    }
    if first.isInterrupt || saved != last.pc {
      retire(last, next: saved, after: before)
    }
    flush()
    delivery.mode = first.mode ?? last.mode
    var value = delivery.value
    if delivery.vector == 1, !next.before.isEmpty { value = next.before[X86Register.dr6.index] & 0x600F }
    var record = TraceRecord(
      delivery.isInterrupt ? .interrupt : .trap, mode: delivery.mode ?? 0, code: delivery.vector,
      clock: retired, pc: saved, value: value, aux: next.pc)
    if delivery.isInterrupt { record.value = UInt64(delivery.vector) }
    recorder.append(record)
    for effect in changes(before, next.before, record) { recorder.append(effect) }
    // Of an instruction that did not retire the log gives what the delivery changed.
    guard !delivery.isInterrupt, saved == last.pc else { return }
    for change in last.changes { recorder.append(effect(change.register, change.value, record)) }
  }

  private mutating func retire(_ last: BegunInstruction, next: UInt64, after: [UInt64]) {
    flush()
    retired += 1
    let head = TraceRecord(
      .retire, mode: last.mode, clock: retired, pc: last.pc, address: next, bytes: last.bytes)
    held.append(head)
    held += changes(last.before, after, head)
    for change in last.changes {
      held.append(effect(change.register, change.value, head))
    }
  }

  private mutating func flush() {
    for record in held { recorder.append(record) }
    held.removeAll(keepingCapacity: true)
  }

  private func changes(_ before: [UInt64], _ after: [UInt64], _ head: TraceRecord) -> [TraceRecord] {
    guard !before.isEmpty, !after.isEmpty else { return [] }
    var result: [TraceRecord] = []
    for register in registers where before[register] != after[register] {
      result.append(effect(UInt32(register), after[register], head))
    }
    return result
  }

  private func effect(_ register: UInt32, _ value: UInt64, _ head: TraceRecord) -> TraceRecord {
    TraceRecord(
      .registerWrite, mode: head.mode, code: register, clock: head.clock, value: value)
  }

  // MARK: What QEMU shows twice

  /// QEMU shows an instruction again when it left the block before its first instruction, to look after devices.
  private func isSameAgain(_ last: BegunInstruction, _ next: BegunInstruction) -> Bool {
    guard last.pc == next.pc, !last.before.isEmpty, last.before == next.before, last.mode == next.mode
    else { return false }
    // Only a jump leads to itself and changes nothing.
    return !last.bytes.mayLeadToItself
  }

  /// QEMU begins a repeated string instruction once more to find that its count is zero.
  private func endsRepetition(_ last: BegunInstruction, _ next: BegunInstruction) -> Bool {
    guard last.bytes.isRepeatedString, let head = held.first, head.pc == last.pc, head.address == last.pc,
      next.pc != last.pc
    else { return false }
    guard !last.before.isEmpty else { return last.touchesMemory == false }
    return last.before[X86Register.rcx.index] & last.countMask == 0
  }
}

/// What a log does not tell, and where.
struct ImportFault: Error {
  var line: Int
  var message: String

  init(line: Int, _ message: String) {
    self.line = line
    self.message = message
  }
}

extension BegunInstruction {
  /// Bits of RCX that count the repetitions: by the address size of the code segment and the prefix.
  fileprivate var countMask: UInt64 {
    let attributes = before[X86Register.csAttributes.index]
    let isLong = before[X86Register.efer.index] & 0x400 != 0 && attributes & 0x2000 != 0
    let isWide = attributes & 0x4000 != 0
    let isOther = bytes.prefixes.contains(0x67)
    if isLong { return isOther ? 0xFFFF_FFFF : .max }
    return isWide != isOther ? 0xFFFF_FFFF : 0xFFFF
  }
}

extension InstructionBytes {
  /// Legacy and REX prefixes, as far as the bytes go.
  fileprivate var prefixes: ArraySlice<UInt8> {
    array.prefix {
      [0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3].contains($0) || $0 & 0xF0 == 0x40
    }
  }

  /// The opcode behind the prefixes.
  private var opcode: UInt8? {
    let at = prefixes.count
    return at < count ? self[at] : nil
  }

  /// INS, OUTS, MOVS, CMPS, STOS, LODS or SCAS with a prefix that repeats it.
  fileprivate var isRepeatedString: Bool {
    guard let opcode, prefixes.contains(0xF2) || prefixes.contains(0xF3) else { return false }
    return (0x6C...0x6F).contains(opcode) || (0xA4...0xA7).contains(opcode) || (0xAA...0xAF).contains(opcode)
  }

  /// JMP, Jcc or JCXZ to its own address, as far as the bytes tell.
  fileprivate var mayLeadToItself: Bool {
    guard let opcode else { return false }
    let at = prefixes.count + 1
    let next = at < count ? self[at] : 0
    switch opcode {
    case 0x70...0x7F, 0xE3, 0xEB: return displacement(from: at) == -count
    case 0xE9: return displacement(from: at) == -count
    case 0x0F: return next & 0xF0 == 0x80 && displacement(from: at + 1) == -count
    case 0xEA: return true
    case 0xFF: return next >> 3 & 6 == 4
    default: return false
    }
  }

  /// The signed number in the bytes from there to the end.
  private func displacement(from start: Int) -> Int {
    guard start < count else { return 0 }
    var value = Int(Int8(bitPattern: self[count - 1]))
    for index in (start..<count - 1).reversed() { value = value << 8 | Int(self[index]) }
    return value
  }
}
