import MachineCore
import Trace
import X86Backend

/// The lines of QEMU's plugin execlog: `0, 0xea664, 0xf081488, "movb %dl, (%eax, %ecx)", store, 0x000802b5, RAM`.
///
/// Since QEMU 9.0 with `reg=NAME` also `, rax -> 0x0000000000000010`. What an instruction touches in memory
/// has a physical address and neither size nor datum, so it is not taken over.
struct ExecLogImport: TraceImport {
  static let name = "execlog"
  static let summary = "lines of QEMU's plugin execlog: instructions; registers since QEMU 9.0 with reg="
  static let omissions: Set<TraceOmission> = [.modes, .devices, .ends, .instructionTails, .segmentOffsets]
  static func registers(_ options: ImportOptions) -> [X86Register] { options.registers }

  private let log: ImportedLog
  private let options: ImportOptions
  private var execution: ImportedRun
  private var messages = QEMUMessages()
  private var hasBegun = false
  private var instructions = 0
  /// Execlog writes an instruction when the next one begins: what QEMU said since belongs behind it.
  private var deliveries: [LoggedDelivery] = []
  private var unaskedChanges: UInt64 = 0
  private var isAsked = [Bool](repeating: false, count: X86Register.allCases.count)

  init(_ log: ImportedLog, _ options: ImportOptions, to recorder: TraceRecorder) {
    self.log = log
    self.options = options
    execution = ImportedRun(to: recorder, registers: [])
    for register in options.registers { isAsked[register.index] = true }
  }

  mutating func run() throws(TraceError) -> ImportSummary {
    var notes: [String] = []
    while execution.retired < options.limit, let line = try log.next() {
      if log.isCut {
        guard options.acceptsCut else {
          throw TraceError(
            .truncated,
            "line \(log.number) has no end: the log was only partly written; --partial reads what is whole",
            place: .line(log.number), name: log.name)
        }
        notes.append("the log ends inside line \(log.number), which was left out")
        break
      }
      try read(line)
    }
    guard instructions > 0 else {
      throw log.failure(
        "no line of execlog in it: record with -plugin libexeclog.so -d plugin,int", line: max(log.number, 1))
    }
    guard hasBegun else {
      throw log.failure(
        "the log never comes to \(hex(options.start)), where the program begins; --start ADDRESS begins elsewhere"
      )
    }
    execution.finish()
    if unaskedChanges > 0 {
      notes.append(
        "\(unaskedChanges) register changes were left out: name with --reg what execlog was asked for with reg="
      )
    }
    return ImportSummary(retired: execution.retired, lines: log.number, notes: notes)
  }

  private mutating func read(_ text: LogText) throws(TraceError) {
    var line = text
    guard line.decimal() != nil, line.accept(", ") else {
      if let delivery = try messages.read(text, log).delivery { deliveries.append(delivery) }
      guard deliveries.count < 1000 else {
        throw log.failure("1000 exceptions and no instruction between them")
      }
      return
    }
    guard let pc = line.hex(), line.accept(", "), let opcode = line.hex(), opcode <= UInt64(UInt32.max),
      line.accept(", \""), line.upToLast("\"") != nil
    else {
      throw log.failure("not `CPU, ADDRESS, OPCODE, \"TEXT\"`, as execlog writes it: `\(text.string)`")
    }
    instructions += 1
    var begun = BegunInstruction(
      line: log.number, pc: pc,
      bytes: InstructionBytes((0..<4).map { UInt8(truncatingIfNeeded: opcode >> ($0 * 8)) }),
      touchesMemory: false)
    try readEffects(&line, &begun)
    if let silent = messages.takeSilent() { deliveries.append(silent) }
    defer { deliveries.removeAll(keepingCapacity: true) }
    if !hasBegun {
      guard pc == options.start else { return }
      hasBegun = true
    }
    do throws(ImportFault) {
      try execution.begin(begun)
    } catch {
      throw log.failure(error.message, line: error.line)
    }
    for delivery in deliveries { execution.deliver(delivery) }
  }

  /// What stands behind the text: `, load, 0x00007c00, RAM` and `, rax -> 0x0000000000000010`, any number of each.
  private mutating func readEffects(_ line: inout LogText, _ begun: inout BegunInstruction) throws(TraceError)
  {
    while line.accept(", ") {
      var word = line.upTo(",")
      if word.starts(with: "load") || word.starts(with: "store") {
        begun.touchesMemory = true
        continue
      }
      if word.starts(with: "0x") { continue }
      let name = word.upTo(" ")
      guard word.accept(" -> ") else { continue }
      guard let register = Self.names[name.packed] else { continue }
      // Wide registers, as those of SSE, have more digits; none of them is recorded.
      guard let value = word.hex() else {
        throw log.failure("`\(name.string)` has no number in hexadecimal")
      }
      guard isAsked[register.index] else {
        unaskedChanges += 1
        continue
      }
      begun.changes.append((UInt32(register.id), value))
    }
    begun.changes.sort { $0.register < $1.register }
  }

  /// gdb's names, as the plugin has them.
  private static let names: [UInt64: X86Register] = {
    var names: [UInt64: X86Register] = [
      packedName("eflags"): .rflags, packedName("fs_base"): .fsBase, packedName("gs_base"): .gsBase,
    ]
    for register in nameable where register != .rflags && register != .fsBase && register != .gsBase {
      names[packedName(register.name)] = register
      // Of 32-bit processors: eax, esp.
      if register.id < 8 { names[packedName("e" + register.name.dropFirst())] = register }
    }
    return names
  }()

  /// Registers that gdb, the plugin and the trace all know.
  static let nameable: [X86Register] = [
    .rax, .rcx, .rdx, .rbx, .rsp, .rbp, .rsi, .rdi, .r8, .r9, .r10, .r11, .r12, .r13, .r14, .r15, .rflags,
    .es, .cs, .ss, .ds, .fs, .gs, .fsBase, .gsBase, .cr0, .cr2, .cr3, .cr4, .efer,
  ]
}
