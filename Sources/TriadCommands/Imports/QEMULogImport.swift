import MachineCore
import Trace
import X86Backend

/// QEMU's log `-d in_asm,exec,cpu,int,nochain` with one instruction in a block: the registers before each instruction.
struct QEMULogImport: TraceImport {
  static let name = "qemu-log"
  static let summary = "QEMU's -d in_asm,exec,cpu,int,nochain -singlestep: instructions, registers, traps"
  static let omissions: Set<TraceOmission> = [.devices, .ends]
  static func registers(_ options: ImportOptions) -> [X86Register] { compared }

  /// Registers whose changes are recorded.
  private static let compared = QEMUState.registers.filter { !QEMUDifferences.hiddenParts.contains($0) }

  /// Instructions that a log may have at different addresses: what is kept of it must end somewhere.
  static let mostInstructions = 1 << 20

  private let log: ImportedLog
  private let options: ImportOptions
  private var execution: ImportedRun
  private var messages = QEMUMessages()
  private var state = QEMUState()
  private var use = Use.instruction
  /// The instruction that was translated last, at each address.
  private var translated: [UInt64: InstructionBytes] = [:]
  private var block = Block()
  private var hasBegun = false
  private var initial: [UInt64] = []
  private var states = 0

  /// What the next state is for.
  private enum Use {
    case instruction
    case delivery(LoggedDelivery)
    case nothing
  }

  /// The instructions of a block that is being translated.
  private struct Block {
    var isOpen = false
    var instructions = 0
    var last: UInt64 = 0
    /// Bytes of a block that QEMU could not disassemble: where it is only the next state tells.
    var unplaced: InstructionBytes?
  }

  init(_ log: ImportedLog, _ options: ImportOptions, to recorder: TraceRecorder) {
    self.log = log
    self.options = options
    execution = ImportedRun(to: recorder, registers: Self.compared)
  }

  mutating func run() throws(TraceError) -> ImportSummary {
    var notes: [String] = []
    reading: while execution.retired < options.limit, let line = try log.next() {
      if log.isCut {
        guard options.acceptsCut else { throw cut("line \(log.number) has no end") }
        notes.append("the log ends inside line \(log.number), which was left out")
        break reading
      }
      try read(line)
    }
    if state.isOpen, execution.retired < options.limit {
      guard options.acceptsCut else { throw cut("the state that begins in line \(state.line) has no end") }
      notes.append("the log ends inside the state that begins in line \(state.line), which was left out")
    }
    guard states > 0 else {
      throw log.failure(
        "no registers in it: record with -d in_asm,exec,cpu,int,nochain", line: max(log.number, 1))
    }
    guard hasBegun else {
      throw log.failure(
        "the log never comes to \(hex(options.start)), where the program begins; --start ADDRESS begins elsewhere"
      )
    }
    execution.finish()
    if execution.repetitions > 0 {
      notes.append(
        "\(execution.repetitions) instructions are in the log twice, because QEMU looked after devices before it executed them; they were left out once"
      )
    }
    return ImportSummary(retired: execution.retired, lines: log.number, notes: notes, initial: initial)
  }

  private func cut(_ what: String) -> TraceError {
    TraceError(
      .truncated, "\(what): the log was only partly written; --partial reads what is whole",
      place: .line(max(log.number, 1)), name: log.name)
  }

  private mutating func read(_ line: LogText) throws(TraceError) {
    if state.isOpen || QEMUState.begins(line) {
      block.isOpen = false
      if try state.read(line, log) { try finishState() }
      return
    }
    if line.starts(with: "IN:") {
      block = Block(isOpen: true)
      return
    }
    if block.isOpen, line.starts(with: "0x") || line.starts(with: "OBJD-T:") {
      try translate(line)
      return
    }
    if line.starts(with: "SMM:") || line.starts(with: "CPU Reset") {
      use = .nothing
      return
    }
    if line.starts(with: "Stopped execution of TB chain") {
      execution.cancel()
      return
    }
    let (delivery, isEvent) = try messages.read(line, log)
    guard isEvent else { return }
    if let delivery {
      use = .delivery(delivery)
    } else if !line.starts(with: "Servicing"), !line.starts(with: "check_exception") {
      // INT n: the state that follows is of no use, for the instruction completes.
      use = .nothing
    }
  }

  /// A line of `in_asm`: `0x00100002:  0f 01 15 10 05 10 00     lgdtl    0x100510`.
  private mutating func translate(_ text: LogText) throws(TraceError) {
    var line = text
    if line.accept("OBJD-T: ") {
      var bytes: [UInt8] = []
      while let byte = line.byte() { bytes.append(byte) }
      guard (1...15).contains(bytes.count), block.unplaced == nil else { throw severalInstructions() }
      block.unplaced = InstructionBytes(bytes)
      return
    }
    guard let address = line.hex(), line.accept(":") else {
      throw log.failure("an instruction without its address")
    }
    line.skipSpaces()
    var bytes: [UInt8] = []
    while let byte = line.byte() {
      bytes.append(byte)
      if line.starts(with: "  ") || !line.accept(" ") { break }
    }
    guard !bytes.isEmpty else { throw log.failure("an instruction without its bytes at \(hex(address))") }
    line.skipSpaces()
    // Long instructions go on in a line that has bytes only.
    if line.isEmpty, block.instructions == 1, let before = translated[block.last],
      address == block.last &+ UInt64(before.count), before.count + bytes.count <= 15
    {
      translated[block.last] = InstructionBytes(before.array + bytes)
      return
    }
    guard bytes.count <= 15 else {
      throw log.failure("an instruction of \(bytes.count) bytes at \(hex(address))")
    }
    block.instructions += 1
    block.last = address
    guard block.instructions == 1 else { throw severalInstructions() }
    guard translated.count < Self.mostInstructions || translated[address] != nil else {
      throw log.failure("more than \(Self.mostInstructions) instructions at different addresses")
    }
    translated[address] = InstructionBytes(bytes)
  }

  private func severalInstructions() -> TraceError {
    log.failure(
      "several instructions in a block, so the log has no registers between them: record with -singlestep, or with -accel tcg,one-insn-per-tb=on since QEMU 8.1"
    )
  }

  private mutating func finishState() throws(TraceError) {
    states += 1
    defer { use = .instruction }
    guard !state.isManagement else { return }
    switch use {
    case .nothing: return
    case .delivery(var delivery):
      delivery.before = state.registers
      execution.deliver(delivery)
    case .instruction:
      let pc = state.registers[X86Register.rip.index]
      let isLong = state.registers[X86Register.efer.index] & 0x400 != 0
      let linear = pc &+ state.registers[X86Register.csBase.index]
      let address = isLong ? linear : linear & 0xFFFF_FFFF
      if let bytes = block.unplaced {
        guard translated.count < Self.mostInstructions || translated[address] != nil else {
          throw log.failure("more than \(Self.mostInstructions) instructions at different addresses")
        }
        translated[address] = bytes
        block.unplaced = nil
      }
      if !hasBegun {
        guard pc == options.start || address == options.start else {
          _ = messages.takeSilent()
          return
        }
        hasBegun = true
        initial = state.registers
      }
      guard let bytes = translated[address] else {
        throw log.failure(
          "the instruction at \(hex(address)) was executed, but its bytes are not in the log: record with -d in_asm, and from the start",
          line: state.line)
      }
      if let delivery = messages.takeSilent() { execution.deliver(delivery) }
      do throws(ImportFault) {
        try execution.begin(
          BegunInstruction(
            line: state.line, pc: pc, bytes: bytes, mode: state.mode, before: state.registers))
      } catch {
        throw log.failure(error.message, line: error.line)
      }
    }
  }
}
