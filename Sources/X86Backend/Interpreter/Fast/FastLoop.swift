/// The loop over packed operations.
enum FastLoop {
  /// Runs from the frame's operation on until something is for others; the frame says where and why.
  ///
  /// On return for ``FastStop/exact`` and the two misses, the instruction of `operation` has changed nothing.
  @inline(never)
  static func run(_ frame: UnsafeMutablePointer<FastFrame>) {
    let r = frame.pointee.registers
    let memory = FastMemory(frame)
    var at = FastPlace(frame)
    var flags = frame.pointee.flags
    var held = frame.pointee.storage
    // SAFETY: the register file has a slot for every operand that the decoder makes, and the operations of
    // a block end with one that leaves it.
    loop: while true {
      let op = at.operation
      switch op.pointee.code {
      case .enter:
        guard at.enter(op, frame) else { break loop }
      case .exact:
        frame.pointee.stop = .exact
        break loop
      case .nop:
        at.next()
      case .jump:
        guard at.take(op, frame) else { break loop }
      case .jumpRegister:
        let target = FastRoutine.source(r, op) & memory.mask
        guard isCanonical(target) else {
          frame.pointee.stop = .exact
          break loop
        }
        guard at.go(to: target, frame) else { break loop }
      case .call64:
        guard push(UInt64(truncatingIfNeeded: at.following(op)), r, memory) else { break loop }
        guard at.take(op, frame) else { break loop }
      case .call32:
        guard push(UInt32(truncatingIfNeeded: at.following(op)), r, memory) else { break loop }
        guard at.take(op, frame) else { break loop }
      case .callRegister64:
        let target = FastRoutine.source(r, op) & memory.mask
        guard isCanonical(target) else {
          frame.pointee.stop = .exact
          break loop
        }
        guard push(UInt64(truncatingIfNeeded: at.following(op)), r, memory) else { break loop }
        guard at.go(to: target, frame) else { break loop }
      case .callRegister32:
        let target = FastRoutine.source(r, op) & memory.mask
        guard isCanonical(target) else {
          frame.pointee.stop = .exact
          break loop
        }
        guard push(UInt32(truncatingIfNeeded: at.following(op)), r, memory) else { break loop }
        guard at.go(to: target, frame) else { break loop }
      case .ret64:
        guard let value = memory.load(r[4] & memory.mask, UInt64.self) else { break loop }
        let target = UInt64(value)
        guard isCanonical(target) else {
          frame.pointee.stop = .exact
          break loop
        }
        r[4] = (r[4] &+ 8 &+ op.pointee.immediate) & memory.mask
        guard at.go(to: target, frame) else { break loop }
      case .ret32:
        guard let value = memory.load(r[4] & memory.mask, UInt32.self) else { break loop }
        let target = UInt64(value)
        guard isCanonical(target) else {
          frame.pointee.stop = .exact
          break loop
        }
        r[4] = (r[4] &+ 4 &+ op.pointee.immediate) & memory.mask
        guard at.go(to: target, frame) else { break loop }
      case .move8:
        FastRoutine.write(r, op.pointee.a, FastRoutine.source(r, op) & FastRoutine.mask(0), 0)
        at.next()
      case .move16:
        FastRoutine.write(r, op.pointee.a, FastRoutine.source(r, op) & FastRoutine.mask(1), 1)
        at.next()
      case .move32:
        FastRoutine.write(r, op.pointee.a, FastRoutine.source(r, op) & FastRoutine.mask(2), 2)
        at.next()
      case .move64:
        FastRoutine.write(r, op.pointee.a, FastRoutine.source(r, op) & FastRoutine.mask(3), 3)
        at.next()
      case .zero8:
        r[Int(op.pointee.a)] = r[Int(op.pointee.b)] & 0xFF
        at.next()
      case .zero16:
        r[Int(op.pointee.a)] = r[Int(op.pointee.b)] & 0xFFFF
        at.next()
      case .sign8to32:
        r[Int(op.pointee.a)] = UInt64(
          UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: r[Int(op.pointee.b)]))))
        at.next()
      case .sign8to64:
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: r[Int(op.pointee.b)])))
        at.next()
      case .sign16to32:
        r[Int(op.pointee.a)] = UInt64(
          UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: r[Int(op.pointee.b)]))))
        at.next()
      case .sign16to64:
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: r[Int(op.pointee.b)])))
        at.next()
      case .sign32to64:
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: r[Int(op.pointee.b)])))
        at.next()
      case .lea32:
        r[Int(op.pointee.a)] = memory.address(op) & 0xFFFF_FFFF
        at.next()
      case .lea64:
        r[Int(op.pointee.a)] = memory.address(op)
        at.next()
      case .exchange32:
        let value = r[Int(op.pointee.a)] & 0xFFFF_FFFF
        r[Int(op.pointee.a)] = r[Int(op.pointee.b)] & 0xFFFF_FFFF
        r[Int(op.pointee.b)] = value
        at.next()
      case .exchange64:
        let value = r[Int(op.pointee.a)]
        r[Int(op.pointee.a)] = r[Int(op.pointee.b)]
        r[Int(op.pointee.b)] = value
        at.next()
      case .swap32:
        r[Int(op.pointee.a)] = UInt64(UInt32(truncatingIfNeeded: r[Int(op.pointee.a)]).byteSwapped)
        at.next()
      case .swap64:
        r[Int(op.pointee.a)] = r[Int(op.pointee.a)].byteSwapped
        at.next()
      case .double32:
        r[2] = UInt64(UInt32(bitPattern: Int32(truncatingIfNeeded: r[0]) &>> 31))
        at.next()
      case .double64:
        r[2] = UInt64(bitPattern: Int64(bitPattern: r[0]) &>> 63)
        at.next()
      case .load8:
        guard let value = memory.load(memory.address(op), UInt8.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(value)
        at.next()
      case .load16:
        guard let value = memory.load(memory.address(op), UInt16.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(value)
        at.next()
      case .load32:
        guard let value = memory.load(memory.address(op), UInt32.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(value)
        at.next()
      case .load64:
        guard let value = memory.load(memory.address(op), UInt64.self) else { break loop }
        r[Int(op.pointee.a)] = value
        at.next()
      case .loadSign8to32:
        guard let value = memory.load(memory.address(op), UInt8.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(UInt32(bitPattern: Int32(Int8(truncatingIfNeeded: value))))
        at.next()
      case .loadSign8to64:
        guard let value = memory.load(memory.address(op), UInt8.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: value)))
        at.next()
      case .loadSign16to32:
        guard let value = memory.load(memory.address(op), UInt16.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(UInt32(bitPattern: Int32(Int16(truncatingIfNeeded: value))))
        at.next()
      case .loadSign16to64:
        guard let value = memory.load(memory.address(op), UInt16.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: value)))
        at.next()
      case .loadSign32to64:
        guard let value = memory.load(memory.address(op), UInt32.self) else { break loop }
        r[Int(op.pointee.a)] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
        at.next()
      case .store8:
        let value = UInt8(truncatingIfNeeded: FastRoutine.source(r, op))
        guard memory.store(memory.address(op), value) else { break loop }
        at.next()
      case .store16:
        let value = UInt16(truncatingIfNeeded: FastRoutine.source(r, op))
        guard memory.store(memory.address(op), value) else { break loop }
        at.next()
      case .store32:
        let value = UInt32(truncatingIfNeeded: FastRoutine.source(r, op))
        guard memory.store(memory.address(op), value) else { break loop }
        at.next()
      case .store64:
        let value = UInt64(truncatingIfNeeded: FastRoutine.source(r, op))
        guard memory.store(memory.address(op), value) else { break loop }
        at.next()
      case .hold8:
        guard let place = memory.writable(memory.address(op), 1) else { break loop }
        held = place
        // SAFETY: see `writable`.
        r[Int(op.pointee.a)] = UInt64(UInt8(littleEndian: place.loadUnaligned(as: UInt8.self)))
        at.next()
      case .hold16:
        guard let place = memory.writable(memory.address(op), 2) else { break loop }
        held = place
        // SAFETY: see `writable`.
        r[Int(op.pointee.a)] = UInt64(UInt16(littleEndian: place.loadUnaligned(as: UInt16.self)))
        at.next()
      case .hold32:
        guard let place = memory.writable(memory.address(op), 4) else { break loop }
        held = place
        // SAFETY: see `writable`.
        r[Int(op.pointee.a)] = UInt64(UInt32(littleEndian: place.loadUnaligned(as: UInt32.self)))
        at.next()
      case .hold64:
        guard let place = memory.writable(memory.address(op), 8) else { break loop }
        held = place
        // SAFETY: see `writable`.
        r[Int(op.pointee.a)] = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self))
        at.next()
      case .put8:
        // SAFETY: `held` was found by the operation before, of the same instruction and width.
        held.storeBytes(of: UInt8(truncatingIfNeeded: r[Int(op.pointee.a)]).littleEndian, as: UInt8.self)
        at.next()
      case .put16:
        // SAFETY: `held` was found by the operation before, of the same instruction and width.
        held.storeBytes(of: UInt16(truncatingIfNeeded: r[Int(op.pointee.a)]).littleEndian, as: UInt16.self)
        at.next()
      case .put32:
        // SAFETY: `held` was found by the operation before, of the same instruction and width.
        held.storeBytes(of: UInt32(truncatingIfNeeded: r[Int(op.pointee.a)]).littleEndian, as: UInt32.self)
        at.next()
      case .put64:
        // SAFETY: `held` was found by the operation before, of the same instruction and width.
        held.storeBytes(of: UInt64(truncatingIfNeeded: r[Int(op.pointee.a)]).littleEndian, as: UInt64.self)
        at.next()
      case .push64:
        let value = UInt64(truncatingIfNeeded: FastRoutine.source(r, op))
        guard push(value, r, memory) else { break loop }
        at.next()
      case .push32:
        let value = UInt32(truncatingIfNeeded: FastRoutine.source(r, op))
        guard push(value, r, memory) else { break loop }
        at.next()
      case .pop64:
        guard let value = memory.load(r[4] & memory.mask, UInt64.self) else { break loop }
        r[4] = (r[4] &+ 8) & memory.mask
        r[Int(op.pointee.a)] = value
        at.next()
      case .pop32:
        guard let value = memory.load(r[4] & memory.mask, UInt32.self) else { break loop }
        r[4] = (r[4] &+ 4) & memory.mask
        r[Int(op.pointee.a)] = UInt64(value)
        at.next()
      case .add8:
        FastRoutine.binary(r, op, &flags, FastFlags.add, 0) { $0 &+ $1 }
        at.next()
      case .add16:
        FastRoutine.binary(r, op, &flags, FastFlags.add, 1) { $0 &+ $1 }
        at.next()
      case .add32:
        FastRoutine.binary(r, op, &flags, FastFlags.add, 2) { $0 &+ $1 }
        at.next()
      case .add64:
        FastRoutine.binary(r, op, &flags, FastFlags.add, 3) { $0 &+ $1 }
        at.next()
      case .sub8:
        FastRoutine.binary(r, op, &flags, FastFlags.sub, 0) { $0 &- $1 }
        at.next()
      case .sub16:
        FastRoutine.binary(r, op, &flags, FastFlags.sub, 1) { $0 &- $1 }
        at.next()
      case .sub32:
        FastRoutine.binary(r, op, &flags, FastFlags.sub, 2) { $0 &- $1 }
        at.next()
      case .sub64:
        FastRoutine.binary(r, op, &flags, FastFlags.sub, 3) { $0 &- $1 }
        at.next()
      case .and8:
        FastRoutine.logic(r, op, &flags, 0) { $0 & $1 }
        at.next()
      case .and16:
        FastRoutine.logic(r, op, &flags, 1) { $0 & $1 }
        at.next()
      case .and32:
        FastRoutine.logic(r, op, &flags, 2) { $0 & $1 }
        at.next()
      case .and64:
        FastRoutine.logic(r, op, &flags, 3) { $0 & $1 }
        at.next()
      case .or8:
        FastRoutine.logic(r, op, &flags, 0) { $0 | $1 }
        at.next()
      case .or16:
        FastRoutine.logic(r, op, &flags, 1) { $0 | $1 }
        at.next()
      case .or32:
        FastRoutine.logic(r, op, &flags, 2) { $0 | $1 }
        at.next()
      case .or64:
        FastRoutine.logic(r, op, &flags, 3) { $0 | $1 }
        at.next()
      case .xor8:
        FastRoutine.logic(r, op, &flags, 0) { $0 ^ $1 }
        at.next()
      case .xor16:
        FastRoutine.logic(r, op, &flags, 1) { $0 ^ $1 }
        at.next()
      case .xor32:
        FastRoutine.logic(r, op, &flags, 2) { $0 ^ $1 }
        at.next()
      case .xor64:
        FastRoutine.logic(r, op, &flags, 3) { $0 ^ $1 }
        at.next()
      case .compare8:
        FastRoutine.compare(r, op, &flags, 0)
        at.next()
      case .compare16:
        FastRoutine.compare(r, op, &flags, 1)
        at.next()
      case .compare32:
        FastRoutine.compare(r, op, &flags, 2)
        at.next()
      case .compare64:
        FastRoutine.compare(r, op, &flags, 3)
        at.next()
      case .test8:
        FastRoutine.test(r, op, &flags, 0)
        at.next()
      case .test16:
        FastRoutine.test(r, op, &flags, 1)
        at.next()
      case .test32:
        FastRoutine.test(r, op, &flags, 2)
        at.next()
      case .test64:
        FastRoutine.test(r, op, &flags, 3)
        at.next()
      case .addCarry32:
        FastRoutine.carrying(r, op, &flags, FastFlags.addCarry, 2)
        at.next()
      case .addCarry64:
        FastRoutine.carrying(r, op, &flags, FastFlags.addCarry, 3)
        at.next()
      case .subBorrow32:
        FastRoutine.carrying(r, op, &flags, FastFlags.subBorrow, 2)
        at.next()
      case .subBorrow64:
        FastRoutine.carrying(r, op, &flags, FastFlags.subBorrow, 3)
        at.next()
      case .inc8:
        FastRoutine.step(r, op, &flags, FastFlags.inc, 0)
        at.next()
      case .inc32:
        FastRoutine.step(r, op, &flags, FastFlags.inc, 2)
        at.next()
      case .inc64:
        FastRoutine.step(r, op, &flags, FastFlags.inc, 3)
        at.next()
      case .dec8:
        FastRoutine.step(r, op, &flags, FastFlags.dec, 0)
        at.next()
      case .dec32:
        FastRoutine.step(r, op, &flags, FastFlags.dec, 2)
        at.next()
      case .dec64:
        FastRoutine.step(r, op, &flags, FastFlags.dec, 3)
        at.next()
      case .negate8:
        FastRoutine.negate(r, op, &flags, 0)
        at.next()
      case .negate32:
        FastRoutine.negate(r, op, &flags, 2)
        at.next()
      case .negate64:
        FastRoutine.negate(r, op, &flags, 3)
        at.next()
      case .not8:
        FastRoutine.not(r, op, 0)
        at.next()
      case .not32:
        FastRoutine.not(r, op, 2)
        at.next()
      case .not64:
        FastRoutine.not(r, op, 3)
        at.next()
      case .shl32:
        FastRoutine.shift(r, op, &flags, FastFlags.shl, 2)
        at.next()
      case .shl64:
        FastRoutine.shift(r, op, &flags, FastFlags.shl, 3)
        at.next()
      case .shr32:
        FastRoutine.shift(r, op, &flags, FastFlags.shr, 2)
        at.next()
      case .shr64:
        FastRoutine.shift(r, op, &flags, FastFlags.shr, 3)
        at.next()
      case .sar32:
        FastRoutine.shift(r, op, &flags, FastFlags.sar, 2)
        at.next()
      case .sar64:
        FastRoutine.shift(r, op, &flags, FastFlags.sar, 3)
        at.next()
      case .rol32:
        FastRoutine.rotate(r, op, &flags, left: true, 2)
        at.next()
      case .rol64:
        FastRoutine.rotate(r, op, &flags, left: true, 3)
        at.next()
      case .ror32:
        FastRoutine.rotate(r, op, &flags, left: false, 2)
        at.next()
      case .ror64:
        FastRoutine.rotate(r, op, &flags, left: false, 3)
        at.next()
      case .rolQuiet32:
        FastRoutine.rotate(r, op, left: true, 2)
        at.next()
      case .rolQuiet64:
        FastRoutine.rotate(r, op, left: true, 3)
        at.next()
      case .rorQuiet32:
        FastRoutine.rotate(r, op, left: false, 2)
        at.next()
      case .rorQuiet64:
        FastRoutine.rotate(r, op, left: false, 3)
        at.next()
      case .multiply32:
        FastRoutine.multiply(r, op, &flags, 2)
        at.next()
      case .multiply64:
        FastRoutine.multiply(r, op, &flags, 3)
        at.next()
      case .wideMul32:
        FastRoutine.multiplyWide(r, op, &flags, signed: false, 2)
        at.next()
      case .wideMul64:
        FastRoutine.multiplyWide(r, op, &flags, signed: false, 3)
        at.next()
      case .wideSignedMul32:
        FastRoutine.multiplyWide(r, op, &flags, signed: true, 2)
        at.next()
      case .wideSignedMul64:
        FastRoutine.multiplyWide(r, op, &flags, signed: true, 3)
        at.next()
      case .div32:
        guard FastRoutine.divide(r, op, signed: false, 2) else {
          frame.pointee.stop = .exact
          break loop
        }
        at.next()
      case .div64:
        guard FastRoutine.divide(r, op, signed: false, 3) else {
          frame.pointee.stop = .exact
          break loop
        }
        at.next()
      case .idiv32:
        guard FastRoutine.divide(r, op, signed: true, 2) else {
          frame.pointee.stop = .exact
          break loop
        }
        at.next()
      case .idiv64:
        guard FastRoutine.divide(r, op, signed: true, 3) else {
          frame.pointee.stop = .exact
          break loop
        }
        at.next()
      case .add32Load:
        guard let value = memory.load(memory.address(op), UInt32.self) else { break loop }
        let x = r[Int(op.pointee.a)] & FastRoutine.mask(2)
        r[Int(op.pointee.a)] = (x &+ UInt64(value)) & FastRoutine.mask(2)
        flags.kind = FastFlags.add | 2
        flags.a = x
        flags.b = UInt64(value)
        at.next()
      case .add64Load:
        guard let value = memory.load(memory.address(op), UInt64.self) else { break loop }
        let x = r[Int(op.pointee.a)] & FastRoutine.mask(3)
        r[Int(op.pointee.a)] = (x &+ value) & FastRoutine.mask(3)
        flags.kind = FastFlags.add | 3
        flags.a = x
        flags.b = value
        at.next()
      case .xor32Load:
        guard let value = memory.load(memory.address(op), UInt32.self) else { break loop }
        let x = r[Int(op.pointee.a)] & FastRoutine.mask(2)
        let result = x ^ UInt64(value)
        r[Int(op.pointee.a)] = result
        flags.kind = FastFlags.logic | 2
        flags.a = result
        flags.b = 0
        at.next()
      case .compare32Load:
        guard let value = memory.load(memory.address(op), UInt32.self) else { break loop }
        let x = r[Int(op.pointee.a)] & FastRoutine.mask(2)
        flags.kind = FastFlags.sub | 2
        flags.a = x
        flags.b = UInt64(value)
        at.next()
      case .compare64Load:
        guard let value = memory.load(memory.address(op), UInt64.self) else { break loop }
        let x = r[Int(op.pointee.a)] & FastRoutine.mask(3)
        flags.kind = FastFlags.sub | 3
        flags.a = x
        flags.b = value
        at.next()
      case .jumpE:
        guard at.branch(flags.a == flags.b, op, frame) else { break loop }
      case .jumpNE:
        guard at.branch(flags.a != flags.b, op, frame) else { break loop }
      case .jumpB:
        guard at.branch(flags.a < flags.b, op, frame) else { break loop }
      case .jumpAE:
        guard at.branch(flags.a >= flags.b, op, frame) else { break loop }
      case .jumpBE:
        guard at.branch(flags.a <= flags.b, op, frame) else { break loop }
      case .jumpA:
        guard at.branch(flags.a > flags.b, op, frame) else { break loop }
      case .jumpL:
        guard at.branch(flags.isLess(op.pointee.shift), op, frame) else { break loop }
      case .jumpGE:
        guard at.branch(!flags.isLess(op.pointee.shift), op, frame) else { break loop }
      case .jumpLE:
        guard at.branch(flags.isLessOrEqual(op.pointee.shift), op, frame) else { break loop }
      case .jumpG:
        guard at.branch(!flags.isLessOrEqual(op.pointee.shift), op, frame) else { break loop }
      case .jumpS:
        guard at.branch(flags.isNegative(op.pointee.shift), op, frame) else { break loop }
      case .jumpNS:
        guard at.branch(!flags.isNegative(op.pointee.shift), op, frame) else { break loop }
      case .jumpSumE:
        guard at.branch(flags.sumIsZero(op.pointee.shift), op, frame) else { break loop }
      case .jumpSumNE:
        guard at.branch(!flags.sumIsZero(op.pointee.shift), op, frame) else { break loop }
      case .jumpSumS:
        guard at.branch(flags.sumIsNegative(op.pointee.shift), op, frame) else { break loop }
      case .jumpSumNS:
        guard at.branch(!flags.sumIsNegative(op.pointee.shift), op, frame) else { break loop }
      case .jumpAny:
        guard at.branch(holds(UInt16(op.pointee.a), &flags, r), op, frame) else { break loop }
      case .set:
        let bit = holds(op.pointee.extra, &flags, r)
        FastRoutine.write(r, op.pointee.a, bit ? 1 : 0, 0)
        at.next()
      case .move32If:
        let source = holds(op.pointee.extra, &flags, r) ? r[Int(op.pointee.b)] : r[Int(op.pointee.a)]
        r[Int(op.pointee.a)] = source & 0xFFFF_FFFF
        at.next()
      case .move64If:
        if holds(op.pointee.extra, &flags, r) { r[Int(op.pointee.a)] = r[Int(op.pointee.b)] }
        at.next()
      case .setSub:
        let bit = flags.holdsAfterSub(op.pointee.extra, op.pointee.shift)
        FastRoutine.write(r, op.pointee.a, bit ? 1 : 0, 0)
        at.next()
      case .move32IfSub:
        let source =
          flags.holdsAfterSub(op.pointee.extra, op.pointee.shift)
          ? r[Int(op.pointee.b)] : r[Int(op.pointee.a)]
        r[Int(op.pointee.a)] = source & 0xFFFF_FFFF
        at.next()
      case .move64IfSub:
        if flags.holdsAfterSub(op.pointee.extra, op.pointee.shift) {
          r[Int(op.pointee.a)] = r[Int(op.pointee.b)]
        }
        at.next()
      }
    }
    frame.pointee.operation = at.operation
    frame.pointee.block = at.block
    frame.pointee.remaining = at.remaining
    frame.pointee.flags = flags
  }

  @inline(__always) private static func isCanonical(_ address: UInt64) -> Bool {
    (address &+ 0x8000_0000_0000) &>> 48 == 0
  }

  @inline(__always)
  private static func push<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, _ r: UnsafeMutablePointer<UInt64>, _ memory: FastMemory
  ) -> Bool {
    // SAFETY: 4 is the stack pointer's slot.
    let place = (r[4] &- UInt64(MemoryLayout<T>.size)) & memory.mask
    guard memory.store(place, value) else { return false }
    r[4] = place
    return true
  }

  /// Whether a condition holds, from the flags register.
  @inline(__always)
  private static func holds(
    _ condition: UInt16, _ flags: inout FastFlags, _ r: UnsafeMutablePointer<UInt64>
  ) -> Bool {
    let register = Int(X86Register.rflags.rawValue)
    // SAFETY: the file has every register.
    let value = FastFlags.merged(r[register], flags.kind, flags.a, flags.b, flags.carry)
    r[register] = value
    flags.kind = FastFlags.current
    return FastFlags.holds(condition, value)
  }
}
