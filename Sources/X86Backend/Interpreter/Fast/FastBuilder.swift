import MachineCore

/// Makes a block of packed operations, one decoded instruction after the other.
struct FastBuilder {
  /// A slot between the operations of one instruction.
  static let temporary = UInt8(X86Core.temporarySlot)
  static let zero = UInt8(X86Core.zeroSlot)
  static let longest = 48
  static let longestBytes = 200

  /// Address of the first instruction.
  let address: UInt64
  /// 64 or 32 bits.
  let mode: Width
  var operations: [FastOperation] = []
  /// Instructions so far.
  var count = 0
  /// Bytes so far.
  var bytes = 0
  /// Nothing can follow.
  var isClosed = false
  /// The instruction under way is the last one of the block.
  var closesAfterThis = false

  /// What the last operation that set flags was, as far as conditions tell.
  enum Producer {
    case unknown
    /// A subtraction, or something whose conditions are one's; the amount to shift signs up.
    case sub(UInt8, hasCarry: Bool)
    /// An addition.
    case sum(UInt8)
  }
  var producer = Producer.unknown
  /// Operations whose flags nobody sees if the next to set flags sets all of them.
  private var quiet: [Int] = []
  /// What the operations of the instruction under way have in common.
  private var length = 0
  private var start = 0

  init(address: UInt64, mode: Width) {
    self.address = address
    self.mode = mode
    var enter = FastOperation()
    enter.code = .enter
    enter.immediate = address
    operations.append(enter)
  }

  var mask: UInt64 { mode.mask }

  // MARK: Operations

  /// Adds an operation of the instruction under way.
  mutating func emit(
    _ code: FastCode, a: UInt8 = zero, b: UInt8 = zero, immediate: UInt64 = 0,
    memory: Operand? = nil, shift: UInt8 = 0, extra: UInt16 = 0, displacement: Int32 = 0
  ) {
    var operation = FastOperation()
    operation.code = code
    operation.a = a
    operation.b = b
    operation.base = Self.zero
    operation.index = Self.zero
    operation.immediate = immediate
    operation.shift = shift
    operation.extra = extra
    operation.displacement = displacement
    if let memory {
      operation.base = UInt8(truncatingIfNeeded: memory.register)
      operation.index = UInt8(truncatingIfNeeded: memory.index)
      operation.shift = memory.shift
      operation.displacement = Int32(truncatingIfNeeded: memory.value)
    }
    operation.ordinal = UInt8(count)
    operation.offset = UInt8(bytes)
    operation.length = UInt8(length)
    operations.append(operation)
  }

  /// Adds an instruction, or takes back what it had added and says `false`.
  mutating func add(_ entry: X86CachedInstruction) -> Bool {
    start = operations.count
    length = Int(entry.length)
    let (savedProducer, savedQuiet) = (producer, quiet)
    guard translate(entry) else {
      operations.removeSubrange(start...)
      (producer, quiet) = (savedProducer, savedQuiet)
      return false
    }
    count += 1
    bytes += length
    return true
  }

  /// Ends the block with a jump to what follows, or the exact step for it.
  mutating func close(exact: Bool) {
    length = 0
    if !isClosed { emit(exact ? .exact : .jump, displacement: Int32(bytes)) }
    isClosed = true
    operations[0].displacement = Int32(count)
    for index in operations.indices {
      switch operations[index].code {
      case .jumpE, .jumpNE, .jumpB, .jumpAE, .jumpBE, .jumpA, .jumpL, .jumpGE, .jumpLE, .jumpG, .jumpS,
        .jumpNS, .jumpSumE, .jumpSumNE, .jumpSumS, .jumpSumNS, .jumpAny:
        operations[index].extra = UInt16(count - Int(operations[index].ordinal) - 1)
      default: break
      }
    }
  }

  // MARK: Flags

  /// The amount that brings a sign to the top.
  func signShift(_ width: Width) -> UInt8 { 64 - width.rawValue }

  /// The instruction sets all flags, and cannot stop before that.
  mutating func setsAllFlags(_ producer: Producer) {
    self.producer = producer
    let touchesStorage = operations[start...].contains { $0.code.touchesStorage }
    if !touchesStorage {
      for index in quiet { operations[index].makeQuiet() }
    }
    quiet = []
  }

  /// The last operation sets some flags only, of which nobody may see anything.
  mutating func setsSomeFlags(_ producer: Producer) {
    self.producer = producer
    quiet.append(operations.count - 1)
  }

  /// Flags are read, or the instruction may stop.
  mutating func showsFlags() { quiet = [] }

  // MARK: Operands

  /// The slot of a whole register, or of its low part.
  func slot(_ operand: Operand) -> UInt8? {
    guard operand.kind == .register, operand.shift == 0, operand.register < 16 else { return nil }
    return UInt8(truncatingIfNeeded: operand.register)
  }

  /// A place in storage that operations can address.
  func place(_ operand: Operand, next: UInt64) -> Operand? {
    guard operand.kind == .memory, operand.addressWidth == mode else { return nil }
    // Overrides count in neither mode: data segments are flat, FS and GS are for the exact step.
    guard mode == .bits64 ? operand.segment < 4 : operand.segment == 2 || operand.segment == 3 else {
      return nil
    }
    var operand = operand
    if Int(operand.register) == X86Core.nextSlot {
      operand.register = RegisterID(X86Core.zeroSlot)
      operand.value = (operand.value &+ next) & mask
    }
    let value =
      mode == .bits64 ? Int64(bitPattern: operand.value) : Int64(Int32(truncatingIfNeeded: operand.value))
    guard Int64(Int32(truncatingIfNeeded: value)) == value else { return nil }
    operand.value = UInt64(bitPattern: value)
    return operand
  }
}

extension FastCode {
  /// Whether the operation may stop because of storage.
  var touchesStorage: Bool {
    switch self {
    case .load8, .load16, .load32, .load64, .loadSign8to32, .loadSign8to64, .loadSign16to32, .loadSign16to64,
      .loadSign32to64, .store8, .store16, .store32, .store64, .hold8, .hold16, .hold32, .hold64, .push64,
      .push32, .pop64, .pop32, .add32Load, .add64Load, .xor32Load, .compare32Load, .compare64Load:
      true
    default: false
    }
  }
}

extension FastOperation {
  /// Leaves the flags alone.
  mutating func makeQuiet() {
    switch code {
    case .rol32: code = .rolQuiet32
    case .rol64: code = .rolQuiet64
    case .ror32: code = .rorQuiet32
    case .ror64: code = .rorQuiet64
    case .inc32, .inc64, .dec32, .dec64:
      let isUp = code == .inc32 || code == .inc64
      code = code == .inc32 || code == .dec32 ? .lea32 : .lea64
      base = a
      displacement = isUp ? 1 : -1
    default: break
    }
  }
}
