import MachineCore

/// Turns effect lists into micro-operations, once each.
///
/// What cannot be lowered (a bad number, recursion) becomes an `unsupported` operation with a
/// message, so that a wrong table stops the run with its reason and does no harm.
final class Lowering {
  let instructionSet: any InstructionSet
  let system: SystemSemantics
  let layout: SlotLayout
  let definitions: [InstructionDefinition]
  private let registers: [RegisterDescriptor]
  private let auxiliaryCount: Int
  private let storageSize: UInt64

  /// The code; moves when it grows, so nobody keeps the pointer across a lowering.
  private(set) var code: UnsafeMutablePointer<MicroOperation>
  private var count = 0
  private var room = 4096
  /// Constants that were not yet written to the register file.
  private(set) var newConstants: [(slot: UInt16, value: UInt64)] = []
  /// Texts of `unsupported` operations.
  private(set) var messages: [String] = []

  private var constants: [UInt64: UInt16] = [:]
  private var nextSlot: Int
  private var procedures: [Int: LoweredProcedure] = [:]
  private var inProgress: Set<Int> = []
  private var lowered: [UInt64: Int] = [:]

  private var frame: Frame
  private let instructionFrame: Frame
  private var shape = OperandShape.none
  private var result: UInt16?

  /// Slots for the locals and temporaries of one effect list.
  private static let frameSize = 256

  /// Numbers of the places that are noted when they are reached; `nil` when none are.
  private let points: SemanticsPoints?
  private var nextPoint = 0

  init(_ instructionSet: any InstructionSet, storageSize: UInt64, points: SemanticsPoints? = nil) {
    self.instructionSet = instructionSet
    self.points = points
    self.storageSize = storageSize
    system = instructionSet.system
    definitions = instructionSet.definitions
    registers = instructionSet.registers
    auxiliaryCount = instructionSet.auxiliaries.count
    layout = SlotLayout(registers: instructionSet.registers.count)
    // SAFETY: the buffer belongs to this object, is freed in deinit, and `append` keeps `count` ≤ `room`.
    code = .allocate(capacity: room)
    nextSlot = layout.firstFree
    instructionFrame = Frame(next: nextSlot, end: nextSlot + Self.frameSize)
    nextSlot += Self.frameSize
    frame = instructionFrame
    constants[0] = layout.zero
    append(MicroOperation(code: .end))  // operation 0: where programs started by the core come back to
  }

  deinit { code.deallocate() }

  /// Constants added since the last call, with their slots.
  func takeConstants() -> [(slot: UInt16, value: UInt64)] {
    defer { newConstants = [] }
    return newConstants
  }

  // MARK: What the core asks for

  /// Start of a definition's code for operands of this shape.
  func definition(_ number: Int, _ operands: borrowing InlineArray<4, Operand>) -> Int {
    let shape = OperandShape(operands)
    let key = UInt64(number) << 16 | UInt64(shape.bits)
    if let start = lowered[key] { return start }
    var body: [Effect] = [.unsupported("definition \(number), which the instruction set does not have")]
    if definitions.indices.contains(number) { body = definitions[number].effects }
    let start = list(body, of: .definition(number), parameters: [], in: instructionFrame, shape: shape)
    lowered[key] = start
    return start
  }

  /// A procedure, ready to be started: way back to operation 0.
  func procedure(_ number: ProcedureID) -> LoweredProcedure {
    if let done = procedures[number] { return done }
    guard system.procedures.indices.contains(number), nextSlot + Self.frameSize + 8 < SlotLayout.capacity
    else {
      let start = count
      unsupported("procedure \(number) does not exist")
      return LoweredProcedure(start: start, parameters: [], back: layout.word, result: layout.zero)
    }
    let source = system.procedures[number]
    // Callees first: their code must not end up in the middle of this procedure's.
    inProgress.insert(number)
    for callee in callees(of: source.body) where !inProgress.contains(callee) { _ = procedure(callee) }
    var own = Frame(next: nextSlot, end: nextSlot + Self.frameSize)
    nextSlot += Self.frameSize
    let back = UInt16(own.next)
    let resultSlot = UInt16(own.next + 1)
    own.next += 2
    for parameter in source.parameters where own.locals[parameter] == nil {
      own.locals[parameter] = UInt16(own.next)
      own.next += 1
    }
    let parameters = source.parameters.map { own.locals[$0] ?? layout.word }
    let saved = (frame, shape, result)
    result = resultSlot
    let start = count
    append(MicroOperation(code: .move, target: resultSlot, a: layout.zero))
    _ = list(
      source.body, of: .procedure(number), parameters: source.parameters, in: own, shape: .none, back: back)
    (frame, shape, result) = saved
    inProgress.remove(number)
    let done = LoweredProcedure(start: start, parameters: parameters, back: back, result: resultSlot)
    procedures[number] = done
    return done
  }

  /// Code that leaves the value of an expression in a slot of its own.
  func expression(_ expression: Expression) -> (start: Int, result: UInt16) {
    for callee in callees(of: [.give(expression)]) { _ = procedure(callee) }
    var own = Frame(next: nextSlot, end: min(nextSlot + Self.frameSize, SlotLayout.capacity))
    nextSlot += Self.frameSize
    let slot = UInt16(own.next)
    own.next += 1
    let saved = (frame, shape, result)
    (frame, shape, result) = (own, .none, nil)
    let start = count
    emit(expression, into: slot)
    append(MicroOperation(code: .end))
    (frame, shape, result) = saved
    return (start, slot)
  }

  // MARK: Code

  func append(_ operation: MicroOperation) {
    if count == room {
      let larger = UnsafeMutablePointer<MicroOperation>.allocate(capacity: room * 2)
      // SAFETY: both buffers hold `count` operations, which are plain bytes.
      larger.moveInitialize(from: code, count: count)
      code.deallocate()
      code = larger
      room *= 2
    }
    // SAFETY: `count` < `room`.
    (code + count).initialize(to: operation)
    count += 1
  }

  /// Makes the jump at `position` go to what is appended next.
  private func land(_ position: Int) {
    // SAFETY: `position` < `count`: it was returned by `count` before an append.
    code[position].immediate = UInt64(count)
  }

  private func unsupported(_ message: String) {
    append(MicroOperation(code: .unsupported, immediate: UInt64(messages.count)))
    messages.append(message)
  }

  private func constant(_ value: UInt64) -> UInt16 {
    if let slot = constants[value] { return slot }
    guard nextSlot < SlotLayout.capacity else {
      unsupported("an instruction set with too many constants")
      return layout.zero
    }
    let slot = UInt16(nextSlot)
    nextSlot += 1
    constants[value] = slot
    newConstants.append((slot, value))
    return slot
  }

  private func temporary() -> UInt16 {
    guard frame.next < frame.end else {
      unsupported("effects that need too many temporaries")
      return layout.word
    }
    frame.next += 1
    return UInt16(frame.next - 1)
  }

  private func slot(of local: Local) -> UInt16 {
    if let slot = frame.locals[local] { return slot }
    let slot = temporary()
    frame.locals[local] = slot
    return slot
  }

  /// Procedures that a list calls, by name or through loads and stores.
  private func callees(of body: [Effect]) -> [ProcedureID] {
    SemanticsPoints.callees(of: body, translate: system.translate).sorted()
  }

  private func list(
    _ body: [Effect], of owner: SemanticsPoints.Owner, parameters: [Local], in frame: Frame,
    shape: OperandShape, back: UInt16? = nil
  ) -> Int {
    // A definition's memory operands call the translation too.
    if back == nil {
      _ = procedure(system.translate)
      for callee in callees(of: body) { _ = procedure(callee) }
    }
    let start = count
    self.frame = frame
    self.shape = shape
    // All locals get their slots first, so that temporaries can be given back after each effect.
    for local in SemanticsWalk.locals(in: body).sorted() { _ = slot(of: local) }
    for local in SemanticsWalk.unassignedReads(body, parameters: parameters).sorted() {
      append(MicroOperation(code: .move, target: slot(of: local), a: layout.zero))
    }
    nextPoint = points?.first(owner) ?? 0
    if case .definition = owner { notePoint() }
    effects(body)
    append(back.map { MicroOperation(code: .giveBack, a: $0) } ?? MicroOperation(code: .end))
    return start
  }

  // MARK: Effects

  private func effects(_ list: [Effect]) {
    for effect in list {
      let mark = frame.next
      lower(effect)
      frame.next = mark
    }
  }

  private func lower(_ effect: Effect) {
    switch effect {
    case .assign(let local, let value):
      emit(value, into: slot(of: local))
    case .write(let register, let value):
      write(register, source(value))
    case .setOperand(let index, let value):
      setOperand(index, value)
    case .store(let space, let address, let value, let width):
      store(space, source(address), source(value), width)
    case .checkStore(let space, let address, let width):
      checkStore(space, address, width)
    case .setAuxiliary(let table, let index, let value):
      guard table >= 0, table < auxiliaryCount else {
        return unsupported("auxiliary table \(table) does not exist")
      }
      append(
        MicroOperation(code: .setAuxiliary, a: source(index), b: source(value), immediate: UInt64(table)))
    case .clearAuxiliary(let table):
      guard table >= 0, table < auxiliaryCount else {
        return unsupported("auxiliary table \(table) does not exist")
      }
      append(MicroOperation(code: .clearAuxiliary, immediate: UInt64(table)))
    case .output(let port, let value, let width):
      append(
        MicroOperation(code: .output, width: UInt8(width.bytes), a: source(port), b: source(value)))
    case .when(let condition, let then, let otherwise):
      let test = source(condition)
      let skip = count
      if then.isEmpty, points == nil {
        append(MicroOperation(code: .jumpIfNotZero, a: test))
        effects(otherwise)
        return land(skip)
      }
      append(MicroOperation(code: .jumpIfZero, a: test))
      notePoint()
      effects(then)
      if otherwise.isEmpty, points == nil {
        land(skip)
      } else {
        let over = count
        append(MicroOperation(code: .jump))
        land(skip)
        notePoint()
        effects(otherwise)
        land(over)
      }
    case .trap(let cause, let value):
      notePoint()
      append(MicroOperation(code: .trap, a: source(cause), b: source(value)))
    case .call(let number, let arguments, let result):
      let given = call(number, arguments.map { source($0) })
      if let result { append(MicroOperation(code: .move, target: slot(of: result), a: given)) }
    case .give(let value):
      guard let result else { return unsupported("`give` outside a procedure") }
      emit(value, into: result)
      // The slot of the way back is the one before the result's.
      append(MicroOperation(code: .giveBack, a: result - 1))
    case .undefine(let register, let bits):
      guard Int(register) < registers.count else { return unsupported("register \(register) does not exist") }
      append(MicroOperation(code: .undefine, target: register, a: source(bits)))
    case .keep:
      append(MicroOperation(code: .keep))
    case .unsupported(let message):
      unsupported(message)
    }
  }

  /// Notes that the next place is reached, if that is asked for.
  private func notePoint() {
    guard let points else { return }
    append(MicroOperation(code: .reach, immediate: UInt64(min(nextPoint, points.count))))
    nextPoint += 1
  }

  private func write(_ register: RegisterID, _ value: UInt16) {
    guard Int(register) < registers.count else { return unsupported("register \(register) does not exist") }
    let descriptor = registers[Int(register)]
    guard !descriptor.isZero else { return }
    append(
      MicroOperation(
        code: .writeRegister, target: register, a: value, immediate: Self.mask(descriptor.width)))
  }

  static func mask(_ width: Int) -> UInt64 {
    width <= 0 ? 0 : UInt64.max >> UInt64(64 - min(width, 64))
  }

  private func setOperand(_ index: Int, _ value: Expression) {
    switch shape.kind(index) {
    case .register:
      append(MicroOperation(code: .writeOperand, a: source(value), b: UInt16(index)))
    case .memory:
      let address = temporary()
      append(MicroOperation(code: .operandAddress, target: address, a: UInt16(index)))
      store(.operand(index), address, source(value), shape.width(index))
    case .none, .immediate:
      unsupported("a write to operand \(index), which is no place")
    }
  }

  /// Calls a procedure; the slot with its result is valid until the next call.
  private func call(_ number: ProcedureID, _ arguments: [UInt16]) -> UInt16 {
    guard !inProgress.contains(number) else {
      unsupported("procedure \(number) calls itself")
      return layout.zero
    }
    guard system.procedures.indices.contains(number), let callee = procedures[number] else {
      unsupported("procedure \(number) does not exist")
      return layout.zero
    }
    guard callee.parameters.count == arguments.count else {
      unsupported("procedure \(number) takes \(callee.parameters.count) arguments, not \(arguments.count)")
      return layout.zero
    }
    for (parameter, argument) in zip(callee.parameters, arguments) where parameter != argument {
      append(MicroOperation(code: .move, target: parameter, a: argument))
    }
    append(MicroOperation(code: .call, target: callee.back, immediate: UInt64(callee.start)))
    return callee.result
  }

  // MARK: Storage

  private func segment(_ space: StorageSpace) -> UInt16 {
    switch space {
    case .virtual(let segment): return constant(UInt64(segment))
    case .operand(let index):
      guard shape.kind(index) == .memory else {
        unsupported("operand \(index) is not in memory")
        return layout.zero
      }
      let slot = temporary()
      append(MicroOperation(code: .operandSegment, target: slot, a: UInt16(index)))
      return slot
    case .physical: return layout.zero
    }
  }

  private func load(_ space: StorageSpace, _ address: UInt16, _ width: Width, into target: UInt16) {
    if case .physical = space {
      append(
        MicroOperation(code: .loadPhysical, width: UInt8(width.bytes), target: target, a: address))
      return
    }
    let segment = segment(space)
    guard let over = wraps(address, width, otherwise: { loadVirtual(segment, address, width, into: target) })
    else { return }
    let (low, high) = (temporary(), temporary())
    loadVirtual(segment, address, .bits8, into: low)
    loadVirtual(segment, layout.zero, .bits8, into: high)
    append(
      MicroOperation(code: .shiftLeft, width: 64, target: high, a: high, b: constant(8), immediate: .max))
    append(MicroOperation(code: .or, target: target, a: low, b: high, immediate: .max))
    land(over)
  }

  private func loadVirtual(_ segment: UInt16, _ address: UInt16, _ width: Width, into target: UInt16) {
    guard canTranslate else { return }
    append(
      MicroOperation(
        code: .loadVirtual, width: UInt8(width.bytes), target: target, a: address, b: segment,
        immediate: TranslationMemo.kind(.read, width.bytes)))
  }

  /// Whether the translation procedure can be called here; if not, says why in its place.
  private var canTranslate: Bool {
    if inProgress.contains(system.translate) {
      unsupported("procedure \(system.translate) calls itself")
    } else if procedures[system.translate] == nil {
      unsupported("procedure \(system.translate) does not exist")
    } else if procedures[system.translate]?.parameters.count != 4 {
      unsupported("a translation procedure without exactly four parameters")
    } else {
      return true
    }
    return false
  }

  /// Where words wrap around at the end of a segment: emits the usual access for all other addresses,
  /// and a jump over what follows, which is for the word at the end; the place of that jump.
  private func wraps(_ address: UInt16, _ width: Width, otherwise: () -> Void) -> Int? {
    guard let end = system.wordWrap, width == .bits16 else {
      otherwise()
      return nil
    }
    let test = temporary()
    append(
      MicroOperation(
        code: .notEqual, width: 64, target: test, a: address, b: constant(end), immediate: .max))
    let skip = count
    append(MicroOperation(code: .jumpIfZero, a: test))
    otherwise()
    let over = count
    append(MicroOperation(code: .jump))
    land(skip)
    return over
  }

  private func store(_ space: StorageSpace, _ address: UInt16, _ value: UInt16, _ width: Width) {
    if case .physical = space {
      append(MicroOperation(code: .storePhysical, width: UInt8(width.bytes), a: address, b: value))
      return
    }
    let segment = segment(space)
    guard let over = wraps(address, width, otherwise: { storeVirtual(segment, address, value, width) })
    else { return }
    let high = temporary()
    append(
      MicroOperation(
        code: .shiftRightUnsigned, width: 64, target: high, a: value, b: constant(8), immediate: .max))
    storeVirtual(segment, address, value, .bits8)
    storeVirtual(segment, layout.zero, high, .bits8)
    land(over)
  }

  private func storeVirtual(_ segment: UInt16, _ address: UInt16, _ value: UInt16, _ width: Width) {
    guard canTranslate else { return }
    append(
      MicroOperation(
        code: .storeVirtual, width: UInt8(width.bytes), target: value, a: address, b: segment,
        immediate: TranslationMemo.kind(.write, width.bytes)))
  }

  private func checkStore(_ space: StorageSpace, _ address: Expression, _ width: Width) {
    if case .operand(let index) = space, shape.kind(index) == .register { return }
    if case .physical = space { return }
    let address = source(address)
    let segment = segment(space)
    guard canTranslate else { return }
    append(
      MicroOperation(
        code: .checkVirtual, width: UInt8(width.bytes), a: address, b: segment,
        immediate: TranslationMemo.kind(.write, width.bytes)))
  }

  // MARK: Expressions

  /// The slot that holds the expression's value; emits code only where there is no such slot yet.
  func source(_ expression: Expression) -> UInt16 {
    switch expression {
    case .constant(let value): return constant(value)
    case .register(let register):
      guard Int(register) < registers.count else {
        unsupported("register \(register) does not exist")
        return layout.zero
      }
      return register
    case .local(let local): return slot(of: local)
    case .pc: return system.programCounter
    case .nextPC: return layout.nextPC
    case .instructionWord: return layout.word
    case .storageSize: return constant(storageSize)
    case .cpu: return layout.zero
    default:
      let target = temporary()
      emit(expression, into: target)
      return target
    }
  }

  /// Emits code that leaves the expression's value in `target`.
  private func emit(_ expression: Expression, into target: UInt16) {
    switch expression {
    case .constant, .register, .local, .pc, .nextPC, .instructionWord, .storageSize, .cpu:
      let from = source(expression)
      if from != target { append(MicroOperation(code: .move, target: target, a: from)) }
    case .operand(let index):
      operand(index, into: target)
    case .segment(let index):
      guard shape.kind(index) == .memory else { return unsupported("operand \(index) is not in memory") }
      append(MicroOperation(code: .operandSegment, target: target, a: UInt16(index)))
    case .address(let index):
      guard shape.kind(index) == .memory else { return unsupported("operand \(index) is not in memory") }
      append(MicroOperation(code: .operandAddress, target: target, a: UInt16(index)))
    case .unary(let operation, let value, let width):
      unary(operation, source(value), width, into: target)
    case .binary(let operation, let first, let second, let width):
      if emitBits(expression, into: target) { return }
      if operation == .and, case .unary(.complement, let negated, let narrower) = second {
        let slots = (source(first), source(negated))
        return append(
          MicroOperation(
            code: .andNot, target: target, a: slots.0, b: slots.1, immediate: width.mask & narrower.mask))
      }
      binary(operation, source(first), source(second), width, into: target)
    case .wide(let operation, let high, let low, let divisor, let width):
      let slots = (source(high), source(low), source(divisor))
      append(
        MicroOperation(
          code: .wide, width: width.rawValue, target: target, a: slots.0, b: slots.1,
          immediate: UInt64(operation.rawValue) << 16 | UInt64(slots.2)))
    case .select(let condition, let first, let second):
      let test = source(condition)
      let skip = count
      append(MicroOperation(code: .jumpIfZero, a: test))
      emit(first, into: target)
      let over = count
      append(MicroOperation(code: .jump))
      land(skip)
      emit(second, into: target)
      land(over)
    case .load(let space, let address, let width):
      load(space, source(address), width, into: target)
    case .auxiliary(let table, let index):
      guard table >= 0, table < auxiliaryCount else {
        return unsupported("auxiliary table \(table) does not exist")
      }
      append(
        MicroOperation(code: .auxiliary, target: target, a: source(index), immediate: UInt64(table)))
    case .input(let port, let width):
      append(
        MicroOperation(code: .input, width: UInt8(width.bytes), target: target, a: source(port)))
    case .time:
      append(MicroOperation(code: .time, target: target))
    }
  }

  private func operand(_ index: Int, into target: UInt16) {
    let width = shape.width(index)
    switch shape.kind(index) {
    case .none: unsupported("operand \(index) does not exist")
    case .register:
      append(
        MicroOperation(code: .operandRegister, target: target, a: UInt16(index), immediate: width.mask))
    case .immediate:
      append(
        MicroOperation(code: .operandImmediate, target: target, a: UInt16(index), immediate: width.mask))
    case .memory:
      let address = temporary()
      append(MicroOperation(code: .operandAddress, target: address, a: UInt16(index)))
      load(.operand(index), address, width, into: target)
    }
  }
}
