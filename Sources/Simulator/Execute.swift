import MachineCore
import Trace

extension Core {
  /// Runs micro-operations from `start` until one ends the program.
  mutating func execute(_ start: Int) -> Outcome {
    // SAFETY: `code` is lowered code that always ends in `end` or jumps inside itself; slots are 16-bit
    // numbers in a file of 65536; operand numbers are below 4 because lowering checked their kind.
    let file = self.file
    var next = UnsafePointer(code) + start
    while true {
      let operation = next.pointee
      next += 1
      let target = Int(operation.target)
      let a = Int(operation.a)
      let b = Int(operation.b)
      switch operation.code {
      case .end:
        return .completed
      case .jump:
        next = UnsafePointer(code) + Int(truncatingIfNeeded: operation.immediate)
      case .jumpIfZero:
        if file[a] == 0 { next = UnsafePointer(code) + Int(truncatingIfNeeded: operation.immediate) }
      case .jumpIfNotZero:
        if file[a] != 0 { next = UnsafePointer(code) + Int(truncatingIfNeeded: operation.immediate) }
      case .call:
        file[target] = UInt64(truncatingIfNeeded: next - UnsafePointer(code))
        next = UnsafePointer(code) + Int(truncatingIfNeeded: operation.immediate)
      case .giveBack:
        next = UnsafePointer(code) + Int(truncatingIfNeeded: file[a])
      case .move:
        file[target] = file[a]

      case .add: file[target] = (file[a] &+ file[b]) & operation.immediate
      case .subtract: file[target] = (file[a] &- file[b]) & operation.immediate
      case .multiply: file[target] = (file[a] &* file[b]) & operation.immediate
      case .and: file[target] = file[a] & file[b] & operation.immediate
      case .or: file[target] = (file[a] | file[b]) & operation.immediate
      case .xor: file[target] = (file[a] ^ file[b]) & operation.immediate
      case .andNot: file[target] = file[a] & ~file[b] & operation.immediate
      case .bits:
        let value = file[a]
        let count = UInt64(operation.width)
        file[target] =
          file[b] | (((value &>> count) | (value &<< (64 &- count))) & operation.immediate)
      case .complement: file[target] = ~file[a] & operation.immediate
      case .negate: file[target] = (0 &- file[a]) & operation.immediate

      case .shiftLeft:
        let count = file[b] & operation.immediate
        file[target] = count >= UInt64(operation.width) ? 0 : (file[a] &<< count) & operation.immediate
      case .shiftRightUnsigned:
        let count = file[b] & operation.immediate
        file[target] = count >= UInt64(operation.width) ? 0 : (file[a] & operation.immediate) &>> count
      case .shiftRightSigned:
        let count = min(file[b] & operation.immediate, UInt64(operation.width) &- 1)
        let value = Arithmetic.signed(file[a], UInt64(operation.width))
        file[target] = UInt64(bitPattern: value &>> Int64(truncatingIfNeeded: count)) & operation.immediate
      case .rotateLeft:
        let width = UInt64(operation.width)
        file[target] = Arithmetic.rotateLeft(
          file[a] & operation.immediate, (file[b] & operation.immediate) & (width &- 1), width)
      case .rotateRight:
        let width = UInt64(operation.width)
        file[target] = Arithmetic.rotateLeft(
          file[a] & operation.immediate, (0 &- file[b]) & (width &- 1), width)

      case .equal: file[target] = (file[a] ^ file[b]) & operation.immediate == 0 ? 1 : 0
      case .notEqual: file[target] = (file[a] ^ file[b]) & operation.immediate != 0 ? 1 : 0
      case .lessUnsigned:
        file[target] = file[a] & operation.immediate < file[b] & operation.immediate ? 1 : 0
      case .lessOrEqualUnsigned:
        file[target] = file[a] & operation.immediate <= file[b] & operation.immediate ? 1 : 0
      case .lessSigned:
        let width = UInt64(operation.width)
        file[target] = Arithmetic.signed(file[a], width) < Arithmetic.signed(file[b], width) ? 1 : 0
      case .lessOrEqualSigned:
        let width = UInt64(operation.width)
        file[target] = Arithmetic.signed(file[a], width) <= Arithmetic.signed(file[b], width) ? 1 : 0
      case .isZero: file[target] = file[a] & operation.immediate == 0 ? 1 : 0
      case .signExtend:
        file[target] =
          UInt64(bitPattern: Arithmetic.signed(file[a], UInt64(operation.b))) & operation.immediate
      case .parity: file[target] = UInt64(truncatingIfNeeded: ~(file[a] & 0xFF).nonzeroBitCount & 1)
      case .unary:
        guard let kind = UnaryOperator(rawValue: UInt8(truncatingIfNeeded: operation.b)) else { continue }
        file[target] = Arithmetic.unary(kind, file[a], UInt64(operation.width))
      case .binary:
        guard let kind = BinaryOperator(rawValue: UInt8(truncatingIfNeeded: operation.immediate)) else {
          continue
        }
        file[target] = Arithmetic.binary(kind, file[a], file[b], UInt64(operation.width))
      case .wide:
        let divisor = file[Int(UInt16(truncatingIfNeeded: operation.immediate))]
        guard let kind = WideOperator(rawValue: UInt8(truncatingIfNeeded: operation.immediate &>> 16))
        else { continue }
        file[target] = Arithmetic.wide(
          kind, high: file[a], low: file[b], by: divisor, UInt64(operation.width))

      case .operandRegister:
        let operand = operands + a
        file[target] =
          (file[Int(operand.pointee.register)] &>> UInt64(operand.pointee.shift)) & operation.immediate
      case .operandImmediate:
        file[target] = operands[a].value & operation.immediate
      case .operandAddress:
        let operand = operands + a
        let index = file[Int(operand.pointee.index)] &<< UInt64(operand.pointee.shift)
        file[target] =
          (file[Int(operand.pointee.register)] &+ index &+ operand.pointee.value) & operand.pointee.mask
      case .operandSegment:
        file[target] = UInt64(operands[a].segment)

      case .writeRegister:
        guard writeCount < Self.effectRoom else { return tooMuch() }
        writes[writeCount] = PendingWrite(
          register: operation.target, value: file[a] & operation.immediate, replaced: .max)
        writeCount &+= 1
      case .writeOperand:
        guard writeCount < Self.effectRoom else { return tooMuch() }
        let operand = operands + b
        writes[writeCount] = PendingWrite(
          register: operand.pointee.register,
          value: (file[a] &<< UInt64(operand.pointee.shift)) & operand.pointee.mask,
          replaced: operand.pointee.replaced)
        writeCount &+= 1
      case .undefine:
        guard undefineCount < Self.effectRoom else { return tooMuch() }
        undefines[undefineCount] = PendingWrite(
          register: operation.target, value: file[a], replaced: .max)
        undefineCount &+= 1

      case .loadVirtual:
        let address = file[a]
        let segment = file[b]
        if let offset = memo.offset(address, memo.tag | segment &<< 8 | operation.immediate) {
          let physical = address &+ offset
          let value = plainLoad(physical, UInt64(operation.width))
          file[target] = storeCount == 0 ? value : forwarded(value, physical, Int(operation.width))
        } else {
          guard let loaded = load(address, segment, operation.width) else { return oddOutcome }
          file[target] = loaded
        }
        if recordsAccesses, segment < firstOwnSegment {
          note(.memoryRead, address, file[target], operation.width)
        }
      case .checkVirtual:
        let address = file[a]
        let segment = file[b]
        if memo.offset(address, memo.tag | segment &<< 8 | operation.immediate) == nil,
          !check(address, segment, operation.width)
        {
          return oddOutcome
        }
      case .storeVirtual:
        let address = file[a]
        let segment = file[b]
        guard storeCount &+ 1 < Self.effectRoom else { return tooMuch() }
        if let offset = memo.offset(address, memo.tag | segment &<< 8 | operation.immediate) {
          stores[storeCount] = PendingStore(
            physical: address &+ offset, value: file[target], bytes: Int(operation.width), isDevice: false)
          storeCount &+= 1
        } else if !store(address, segment, file[target], operation.width) {
          return oddOutcome
        }
        if recordsAccesses, segment < firstOwnSegment {
          note(.memoryWrite, address, file[target], operation.width)
        }
      case .loadPhysical:
        let bytes = UInt64(operation.width)
        let physical = file[a] & addressMask
        file[target] =
          physical <= memorySize &- 8 ? plainLoad(physical, bytes) : slowLoad(physical, Int(bytes))
      case .storePhysical:
        storeNow(file[a] & addressMask, file[b], Int(operation.width))
      case .keep:
        commitStores()
        storeCount = 0
        keptWrites = writeCount

      case .auxiliary:
        file[target] = auxiliaries[Int(truncatingIfNeeded: operation.immediate)][file[a]]
      case .setAuxiliary:
        setAuxiliary(Int(truncatingIfNeeded: operation.immediate), file[a], file[b])
      case .clearAuxiliary:
        clearAuxiliary(Int(truncatingIfNeeded: operation.immediate))
      case .input:
        file[target] = deviceRead(.port, file[a], Int(operation.width))
      case .output:
        deviceWrite(.port, file[a], file[b], Int(operation.width))
      case .time:
        file[target] = retired &+ idle
      case .trap:
        cause = file[a]
        value = file[b]
        return .trapped
      case .unsupported:
        message = Int(truncatingIfNeeded: operation.immediate)
        return .unsupported
      case .reach:
        // SAFETY: the number is at most the count, and there is one flag more.
        coverage?.flags[Int(truncatingIfNeeded: operation.immediate)] = 1
      }
    }
  }

  /// An instruction with more effects than there is room for.
  private mutating func tooMuch() -> Outcome {
    message = -1
    return .unsupported
  }

  func unsupportedReason() -> String {
    lowering.messages.indices.contains(message)
      ? lowering.messages[message] : "an instruction with more than \(Self.effectRoom) effects of a kind"
  }

  // MARK: Storage

  /// Whether an access can go straight to storage: inside it, within a 4 KiB page, far from devices.
  @inline(__always) func isPlain(_ physical: UInt64, _ bytes: UInt64) -> Bool {
    physical <= memorySize &- 8 && physical & 0xFFF <= 0x1000 &- bytes
      && physical &- deviceLow >= deviceSize
  }

  /// Loads 1, 2, 4 or 8 bytes at an address at least 8 below the end of storage.
  @inline(__always) func plainLoad(_ physical: UInt64, _ bytes: UInt64) -> UInt64 {
    // SAFETY: eight bytes from `physical` lie inside the storage, which the caller checked.
    let raw = (memory + Int(truncatingIfNeeded: physical)).loadUnaligned(as: UInt64.self)
    return UInt64(littleEndian: raw) & (UInt64.max &>> (64 &- bytes &* 8))
  }

  /// Loads byte by byte; what is outside the storage is read-only memory or reads as ones.
  func slowLoad(_ physical: UInt64, _ bytes: Int) -> UInt64 {
    var value: UInt64 = 0
    for offset in 0..<UInt64(bytes) {
      let address = physical &+ offset
      // SAFETY: the address is checked here.
      let byte =
        address < memorySize && address >= physical
        ? memory.load(fromByteOffset: Int(address), as: UInt8.self)
        // An address behind the storage must not wrap around to its start.
        : address < physical ? 0xFF : platform.outsideByte(address)
      value |= UInt64(byte) << (offset * 8)
    }
    return value
  }

  /// Stores at once; what is outside the storage is ignored.
  mutating func storeNow(_ physical: UInt64, _ value: UInt64, _ bytes: Int) {
    if physical &- protectedLow < protectedSize, platform.isProtected(physical) {
      leave()
      journal?.willTouch(platform)
      platform.storeProtected(physical, value, width: bytes)
      enter()
      return
    }
    journal?.willStore(physical, bytes, slowLoad(physical, bytes))
    guard physical < memorySize else { return }
    storedLow = min(storedLow, physical)
    storedHigh = max(storedHigh, physical &+ UInt64(bytes))
    let last = min(physical &+ UInt64(bytes) &- 1, memorySize &- 1)
    let marks = watch.marks(physical, Int(truncatingIfNeeded: last &- physical) + 1)
    if marks != 0 { forget(marks) }
    for offset in 0..<UInt64(bytes) where physical &+ offset < memorySize {
      // SAFETY: the address is checked here.
      memory.storeBytes(
        of: UInt8(truncatingIfNeeded: value >> (offset * 8)), toByteOffset: Int(physical &+ offset),
        as: UInt8.self)
    }
  }

  /// A load whose translation was not remembered; `nil` when it traps.
  @inline(never) private mutating func load(
    _ address: UInt64, _ segment: UInt64, _ width: UInt8
  ) -> UInt64? {
    let bytes = UInt64(width)
    oddOutcome = translate(address, .read, segment, bytes)
    guard oddOutcome == .completed else { return nil }
    let physical = file[Int(translate.result)] & addressMask
    if isPlain(physical, bytes) {
      let value = plainLoad(physical, bytes)
      return storeCount == 0 ? value : forwarded(value, physical, Int(bytes))
    }
    return oddLoad(address, physical, width, segment: segment)
  }

  /// A store whose translation was not remembered; `false` when it traps.
  @inline(never) private mutating func store(
    _ address: UInt64, _ segment: UInt64, _ value: UInt64, _ width: UInt8
  ) -> Bool {
    let bytes = UInt64(width)
    oddOutcome = translate(address, .write, segment, bytes)
    guard oddOutcome == .completed else { return false }
    let physical = file[Int(translate.result)] & addressMask
    guard isPlain(physical, bytes) else {
      return oddStore(address, physical, value, width, segment: segment)
    }
    stores[storeCount] = PendingStore(
      physical: physical, value: value, bytes: Int(width), isDevice: false)
    storeCount &+= 1
    return true
  }

  /// The checks of a store; `false` when it would trap.
  @inline(never) private mutating func check(_ address: UInt64, _ segment: UInt64, _ width: UInt8) -> Bool {
    oddOutcome = translate(address, .write, segment, UInt64(width))
    guard oddOutcome == .completed else { return false }
    let physical = file[Int(translate.result)] & addressMask
    let first = 0x1000 &- (physical & 0xFFF)
    guard first < UInt64(width), !isDevice(physical) else { return true }
    return translateRest(address &+ first, .write, segment, Int(UInt64(width) &- first)) != nil
  }

  /// Translates the part of an access that lies behind a 4 KiB boundary; `nil` when that fails.
  private mutating func translateRest(
    _ address: UInt64, _ access: Access, _ segment: UInt64, _ bytes: Int
  ) -> UInt64? {
    oddOutcome = translate(address, access, segment, UInt64(bytes))
    return oddOutcome == .completed ? file[Int(translate.result)] & addressMask : nil
  }

  private func isDevice(_ physical: UInt64) -> Bool {
    physical &- deviceLow < deviceSize && platform.claims(.memory, physical)
  }

  /// A load that meets a device, a page boundary or the end of storage; `nil` when it traps.
  private mutating func oddLoad(
    _ address: UInt64, _ physical: UInt64, _ width: UInt8, segment: UInt64
  ) -> UInt64? {
    let bytes = Int(width)
    if isDevice(physical) { return deviceRead(.memory, physical, bytes) }
    let first = Int(0x1000 - (physical & 0xFFF))
    guard first < bytes else { return forwarded(slowLoad(physical, bytes), physical, bytes) }
    guard let rest = translateRest(address &+ UInt64(first), .read, segment, bytes - first) else {
      return nil
    }
    let low = forwarded(slowLoad(physical, first), physical, first)
    return low | forwarded(slowLoad(rest, bytes - first), rest, bytes - first) << UInt64(first * 8)
  }

  /// What was loaded, with the bytes that the instruction itself has stored there before.
  @inline(never)
  private func forwarded(_ loaded: UInt64, _ physical: UInt64, _ bytes: Int) -> UInt64 {
    var value = loaded
    // SAFETY: that many stores wait.
    for number in 0..<storeCount where !stores[number].isDevice {
      let store = stores[number]
      for byte in 0..<bytes {
        let offset = physical &+ UInt64(byte) &- store.physical
        // Outside the storage nothing is kept.
        guard offset < UInt64(store.bytes), physical &+ UInt64(byte) < memorySize else { continue }
        let stored = store.value &>> (offset &* 8) & 0xFF
        value = value & ~(0xFF &<< UInt64(byte &* 8)) | stored &<< UInt64(byte &* 8)
      }
    }
    return value
  }

  /// A store that meets a device, a page boundary or the end of storage; `false` when it traps.
  private mutating func oddStore(
    _ address: UInt64, _ physical: UInt64, _ value: UInt64, _ width: UInt8, segment: UInt64
  ) -> Bool {
    let bytes = Int(width)
    let device = isDevice(physical)
    let first = Int(0x1000 - (physical & 0xFFF))
    guard !device, first < bytes else {
      stores[storeCount] = PendingStore(physical: physical, value: value, bytes: bytes, isDevice: device)
      storeCount &+= 1
      return true
    }
    guard let rest = translateRest(address &+ UInt64(first), .write, segment, bytes - first) else {
      return false
    }
    stores[storeCount] = PendingStore(physical: physical, value: value, bytes: first, isDevice: false)
    stores[storeCount + 1] = PendingStore(
      physical: rest, value: value >> UInt64(first * 8), bytes: bytes - first, isDevice: false)
    storeCount &+= 2
    return true
  }

  // MARK: Tables

  private mutating func setAuxiliary(_ table: Int, _ key: UInt64, _ value: UInt64) {
    // SAFETY: lowering checked the table's number.
    journal?.willSet(table, key, auxiliaries[table][key])
    auxiliaries[table].set(key, value)
    if memo.tables.contains(table) { forgetTranslations() }
  }

  private mutating func clearAuxiliary(_ table: Int) {
    if let journal {
      for (key, value) in auxiliaries[table].contents { journal.willSet(table, key, value) }
    }
    auxiliaries[table].clear()
    if memo.tables.contains(table) { forgetTranslations() }
  }
}
