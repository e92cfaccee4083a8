import MachineCore
import Trace

extension Core {
  /// Translates the address of a fetch unit; the result is in the translation's slot.
  private mutating func translateFetch(_ address: UInt64) -> Outcome {
    if memo.isStale { refreshMemo() }
    // SAFETY: all slots are below the file's capacity.
    if let offset = memo.offset(address, memo.tag | fetchKind) {
      file[Int(translate.result)] = address &+ offset
      return .completed
    }
    return translate(address, .fetch, 0, UInt64(truncatingIfNeeded: fetchUnit))
  }

  /// Context for decoding.
  private mutating func decodeContext() -> UInt64 {
    if let constantContext { return constantContext }
    if memo.knowsContext { return memo.context }
    return execute(context.start) == .completed ? file[Int(context.result)] : 0
  }

  /// Fetches and decodes the instruction at the program counter.
  ///
  /// When it completes, `start`, `operands` and the slots of the next pc and the word are set.
  @inline(__always) mutating func fetch() -> Outcome {
    forget()
    if memo.isStale { refreshMemo() }
    let index = cache.index(file[pc])
    // SAFETY: the index is masked to the cache's capacity.
    let key = cache.keys + index
    // Nothing has changed that translation or decoding depends on, nor the bytes.
    guard key.pointee.pc == file[pc], key.pointee.epoch == memo.epoch, memo.epoch != 0 else {
      return fetchAgain(index)
    }
    take(index)
    return .completed
  }

  /// Makes an entry of the cache the current instruction.
  @inline(__always) private mutating func take(_ index: Int) {
    // SAFETY: the index is masked to the cache's capacity; there are four operands for each entry.
    let key = cache.keys + index
    bytes.low = key.pointee.low
    bytes.high = key.pointee.high | UInt64(truncatingIfNeeded: key.pointee.length) &<< 56
    file[word] = key.pointee.word
    file[nextPC] = key.pointee.next
    operands = cache.operands + index &* 4
    start = key.pointee.start
  }

  /// Fetches an instruction that was decoded before, if it is still the same.
  @inline(never) private mutating func fetchAgain(_ index: Int) -> Outcome {
    let address = file[pc]
    // SAFETY: the index is masked to the cache's capacity; sixteen bytes from `physical` are in storage.
    let key = cache.keys + index
    let length = UInt64(truncatingIfNeeded: key.pointee.length)
    guard key.pointee.pc == address, length != 0, translateFetch(address) == .completed else {
      return fetchSlowly()
    }
    let physical = file[Int(translate.result)] & addressMask
    guard physical <= memorySize &- 16, (physical & 0xFFF) &+ length <= 0x1000,
      physical &- deviceLow >= deviceSize
    else { return fetchSlowly() }
    let place = memory + Int(truncatingIfNeeded: physical)
    let low = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)) & key.pointee.lowMask
    guard low == key.pointee.low else { return fetchSlowly() }
    if key.pointee.highMask != 0 {
      let high = UInt64(littleEndian: (place + 8).loadUnaligned(as: UInt64.self)) & key.pointee.highMask
      guard high == key.pointee.high else { return fetchSlowly() }
    }
    guard decodeContext() == key.pointee.context else { return fetchSlowly() }
    if length > UInt64(truncatingIfNeeded: fetchUnit) {
      // The units between lie on the same page, so the last one speaks for them all.
      let last = (address &+ length &- UInt64(truncatingIfNeeded: fetchUnit)) & pcMask
      guard translateFetch(last) == .completed else { return fetchSlowly() }
    }
    take(index)
    if constantContext != nil || memo.knowsContext,
      let end = memo.end(address, memo.tag | fetchKind),
      end &- address >= length &- UInt64(truncatingIfNeeded: fetchUnit)
    {
      watch.mark(physical, length, WatchMap.code)
      key.pointee.epoch = memo.epoch
    }
    return .completed
  }

  /// Fetches unit by unit and decodes.
  @inline(never) mutating func fetchSlowly() -> Outcome {
    forget()
    let address = file[pc]
    file[nextPC] = address
    file[word] = 0
    bytes = InstructionBytes()
    var collected: [UInt8] = []
    var firstPhysical: UInt64 = 0
    while true {
      let outcome = translateFetch((address &+ UInt64(collected.count)) & pcMask)
      guard outcome == .completed else { return outcome }
      let physical = file[Int(translate.result)] & addressMask
      if collected.isEmpty { firstPhysical = physical }
      for offset in 0..<UInt64(fetchUnit) {
        // Nothing is ever fetched from a device.
        let place = physical &+ offset
        let isDevice = place &- deviceLow < deviceSize && platform.claims(.memory, place)
        collected.append(isDevice ? 0xFF : UInt8(truncatingIfNeeded: slowLoad(place, 1)))
      }
      bytes = InstructionBytes(collected)
      file[word] = bytes.low & 0xFFFF_FFFF
      let context = decodeContext()
      switch lowering.instructionSet.decode(bytes, context: context) {
      case .needsMore where collected.count + fetchUnit <= 15:
        continue
      case .needsMore, .illegal:
        cause = lowering.system.illegalCause
        value = file[word]
        return .trapped
      case .unsupported(let name):
        return refuse(name)
      case .instruction(let decoded):
        guard decoded.length == collected.count else {
          return refuse("a decoder that used \(decoded.length) of \(collected.count) bytes")
        }
        return accept(decoded, at: firstPhysical, context: context)
      }
    }
  }

  private mutating func refuse(_ text: String) -> Outcome {
    message = -2
    messageText = text
    return .unsupported
  }

  /// Makes a decoded instruction the current one, and remembers it.
  private mutating func accept(
    _ decoded: DecodedInstruction, at physical: UInt64, context: UInt64
  ) -> Outcome {
    let start = lowering.definition(decoded.definition, decoded.operands)
    takeConstants()
    let length = UInt64(decoded.length)
    // An instruction that crosses a page may lie in two places; it is decoded every time.
    let isCached = (physical & 0xFFF) &+ length <= 0x1000
    let index = cache.index(file[pc])
    // SAFETY: the index is masked to the cache's capacity; there are four operands for each entry.
    let bound = isCached ? cache.operands + index * 4 : cache.scratch
    if isCached { cache.keys[index] = DecodeCache.Key() }
    for number in 0..<4 {
      guard let operand = bind(decoded.operands[number]) else {
        return refuse("operand \(number) with a register that the instruction set does not have")
      }
      (bound + number).initialize(to: operand)
    }
    if isCached {
      cache.keys[index] = DecodeCache.Key(
        low: bytes.low, high: bytes.high & (UInt64.max >> 8),
        lowMask: length >= 8 ? .max : (1 << (length * 8)) - 1,
        highMask: length > 8 ? (1 << ((length - 8) * 8)) - 1 : 0,
        context: context, start: start, length: decoded.length, word: file[word], pc: file[pc],
        next: (file[pc] &+ length) & pcMask)
    }
    operands = bound
    self.start = start
    file[nextPC] = (file[pc] &+ length) & pcMask
    return .completed
  }

  /// Binds an operand to slots; `nil` when it names a register that does not exist.
  private func bind(_ operand: Operand) -> BoundOperand? {
    func slot(_ register: RegisterID) -> UInt16? {
      switch register {
      case Operand.noRegister: UInt16(truncatingIfNeeded: lowering.layout.zero)
      case Operand.nextPC: lowering.layout.nextPC
      default: Int(register) < registerCount ? register : nil
      }
    }
    var bound = BoundOperand()
    bound.register = lowering.layout.zero
    bound.index = lowering.layout.zero
    bound.shift = operand.shift & 63
    bound.value = operand.value
    switch operand.kind {
    case .none, .immediate: break
    case .register:
      guard Int(operand.register) < registerCount else { return nil }
      let part = operand.width.mask << UInt64(bound.shift)
      bound.register = operand.register
      bound.replaced = operand.merges ? part : .max
      bound.mask = part & widthMasks[Int(operand.register)]
    case .memory:
      guard let base = slot(operand.register), let index = slot(operand.index) else { return nil }
      bound.register = base
      bound.index = index
      bound.segment = operand.segment
      bound.mask = operand.addressWidth.mask
    }
    return bound
  }
}
