import ToyISA

/// Puts guest programs together word by word, with labels for branches.
///
/// The tests do not use the assembler, so that a fault in it is not taken for a fault of a VMM.
struct GuestBuilder {
  /// Bytes by address.
  private(set) var words: [(address: UInt32, word: UInt32)] = []
  private(set) var here: UInt32
  private(set) var labels: [String: UInt32] = [:]
  private var references: [(index: Int, mnemonic: String, values: [Int64], label: String, place: Reference)] =
    []

  private enum Reference {
    case relative
    case immediate
  }

  init(at address: UInt32 = UInt32(TrapArea.programStart)) { here = address }

  /// Goes on at another address.
  mutating func at(_ address: UInt32) { here = address }

  /// Names the present address.
  mutating func label(_ name: String) { labels[name] = here }

  /// Places a datum.
  mutating func word(_ value: UInt32) {
    words.append((here, value))
    here += 4
  }

  /// Places an instruction; values in the order of the assembler's operands.
  mutating func op(_ mnemonic: String, _ values: Int64...) { word(Self.encode(mnemonic, values)) }

  /// Places an instruction whose last operand is a branch target.
  mutating func branch(_ mnemonic: String, _ values: Int64..., to label: String) {
    references.append((words.count, mnemonic, values, label, .relative))
    word(0)
  }

  /// rd = address of a label below 0x8000.
  mutating func address(_ register: Int64, of label: String) {
    references.append((words.count, "addi", [register, 0], label, .immediate))
    word(0)
  }

  /// rd = value.
  mutating func set(_ register: Int64, _ value: UInt32) {
    op("lui", register, Int64(value >> 12))
    if value & 0xFFF != 0 { op("ori", register, register, Int64(value & 0xFFF)) }
  }

  /// Four words of a PSW.
  mutating func psw(_ psw: PSW) {
    word(psw.flags)
    word(psw.pc)
    word(psw.base)
    word(psw.bound)
  }

  /// Switches the machine off with this status; uses r13.
  mutating func powerOff(_ status: Int64) {
    op("addi", 13, 0, status)
    op("out", 13, 0, Int64(ToyPort.power))
  }

  static func encode(_ mnemonic: String, _ values: [Int64]) -> UInt32 {
    guard let row = toyTable.firstIndex(where: { $0.mnemonic == mnemonic }),
      let word = ToyCodec.encode(row: row, values)
    else { preconditionFailure("\(mnemonic) \(values) cannot be encoded") }
    return word
  }

  /// The program with its references filled in.
  var image: [(address: UInt32, word: UInt32)] {
    var image = words
    for (index, mnemonic, values, label, place) in references {
      guard let target = labels[label] else { preconditionFailure("no label \(label)") }
      let from = place == .relative ? Int64(image[index].address) : 0
      image[index].word = Self.encode(mnemonic, values + [Int64(target) - from])
    }
    return image
  }
}

/// Addresses that the test kernel uses.
enum Kernel {
  static let handler: UInt32 = 0x200
  static let logPointer: UInt32 = 0x1F0
  static let traps: UInt32 = 0x1F4
  static let log: UInt32 = 0x1000
  static let userPSW: UInt32 = 0x1E0

  /// A supervisor that writes cause, value and old pc of every trap into a log, steps over the trapping
  /// instruction (not for interrupts), and goes on; after `traps` traps it switches the machine off.
  ///
  /// - Parameter reschedules: whether it goes on elsewhere now and then, so that no loop lasts.
  static func install(
    in guest: inout GuestBuilder, traps: Int64, logStart: UInt32 = log, rearm: UInt32 = 0,
    newPSW: PSW = PSW(pc: handler), reschedules: Bool = false
  ) {
    guest.at(UInt32(TrapArea.newPSW))
    guest.psw(newPSW)
    guest.at(logPointer)
    guest.word(logStart)
    guest.word(0)
    guest.at(handler)
    // The handler uses r11 to r13 without saving them: they are the kernel's.
    guest.op("lw", 12, 0, Int64(logPointer))
    guest.op("lw", 13, 0, Int64(TrapArea.cause))
    guest.op("sw", 13, 12, 0)
    guest.op("lw", 11, 0, Int64(TrapArea.value))
    guest.op("sw", 11, 12, 4)
    guest.op("lw", 11, 0, 4)
    guest.op("sw", 11, 12, 8)
    guest.op("addi", 12, 12, 12)
    guest.op("sw", 12, 0, Int64(logPointer))
    guest.op("sltiu", 12, 13, 16)
    guest.branch("beq", 12, 0, to: "kernel.interrupt")
    guest.op("addi", 11, 11, 4)
    guest.op("sw", 11, 0, 4)
    guest.branch("jal", 0, to: "kernel.count")
    guest.label("kernel.interrupt")
    if rearm != 0 {
      guest.set(11, rearm)
      guest.op("out", 11, 0, Int64(ToyPort.timer))
    }
    guest.label("kernel.count")
    guest.op("lw", 12, 0, Int64(Kernel.traps))
    guest.op("addi", 12, 12, 1)
    guest.op("sw", 12, 0, Int64(Kernel.traps))
    guest.op("addi", 11, 0, traps)
    guest.branch("bne", 12, 11, to: "kernel.back")
    guest.powerOff(0)
    guest.label("kernel.back")
    if reschedules {
      // Every fourth time, go on with the next of sixteen PSWs at 0x300.
      guest.op("andi", 11, 12, 3)
      guest.branch("bne", 11, 0, to: "kernel.resume")
      guest.op("andi", 11, 12, 0x3C)
      guest.op("slli", 11, 11, 2)
      guest.op("lpsw", 11, 0x300)
      guest.label("kernel.resume")
    }
    guest.op("lpsw", 0, 0)
  }
}
