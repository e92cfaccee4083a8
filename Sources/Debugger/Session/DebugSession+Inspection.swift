public import MachineCore
internal import Properties
public import ToyISA
internal import Trace

extension DebugSession {
  /// The walk from an address to storage, in the present state.
  public func walk(_ address: UInt64) -> AddressWalk {
    view.walk(address, engine.state, PhysicalMemory(platform: engine.platform))
  }

  /// Where an address leads, or `nil`.
  public func translate(_ address: UInt64) -> UInt64? { walk(address).physical }

  /// Bytes from an address on, up to the first that is not there.
  public func read(_ address: UInt64, count: Int, isPhysical: Bool = false) -> [UInt8] {
    read(address, count: count, isPhysical: isPhysical, in: engine.state)
  }

  private func read(
    _ address: UInt64, count: Int, isPhysical: Bool, in state: ProcessorState
  ) -> [UInt8] {
    let memory = PhysicalMemory(platform: engine.platform)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var page: (virtual: UInt64, physical: UInt64)?
    for offset in 0..<count {
      let one = address &+ UInt64(offset)
      var physical = one
      if !isPhysical {
        // Translation goes by pages of 4 KiB or more, and by bytes where storage ends within one.
        if let page, page.virtual == one & ~0xFFF {
          physical = page.physical &+ (one & 0xFFF)
        } else {
          guard let found = view.walk(one, state, memory).physical else { break }
          physical = found
          let start = found &- (one & 0xFFF)
          if view.walk(one | 0xFFF, state, memory).physical == start &+ 0xFFF { page = (one & ~0xFFF, start) }
        }
      }
      guard let byte = memory.byte(physical) else { break }
      bytes.append(byte)
    }
    return bytes
  }

  /// A little-endian number of up to eight bytes.
  public func number(at address: UInt64, bytes: Int) -> UInt64? {
    number(at: address, bytes: bytes, in: engine.state)
  }

  func number(at address: UInt64, bytes: Int, in state: ProcessorState) -> UInt64? {
    let found = read(address, count: bytes, isPhysical: false, in: state)
    guard found.count == bytes else { return nil }
    return found.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// An instruction as text.
  public struct Line: Sendable, Equatable {
    /// Where it is.
    public var address: UInt64
    /// Its bytes.
    public var bytes: [UInt8]
    /// The instruction.
    public var text: String
    /// Symbol, and source line where there is one.
    public var place: String?
    /// The source line's text.
    public var source: String?
  }

  /// Instructions from an address on, decoded as the present state has it.
  public func disassemble(_ start: UInt64, count: Int) -> [Line] {
    let context = view.context(engine.state)
    var lines: [Line] = []
    var address = start
    while lines.count < count {
      let bytes = read(address, count: view.addressBytes == 4 ? 4 : 15)
      guard !bytes.isEmpty else { break }
      let (length, text) = view.disassemble(bytes, at: address, context: context)
      let place = location(of: address)
      lines.append(
        Line(
          address: address, bytes: Array(bytes.prefix(length)), text: text, place: place.name,
          source: place.source))
      address &+= UInt64(length)
    }
    return lines
  }

  /// The symbol of a code address, and the text of its source line.
  public func location(of address: UInt64) -> (name: String?, source: String?) {
    guard case .toy(let image, _, _) = workload.machine else { return (workload.location(of: address), nil) }
    guard let place = imagePlace(of: address, in: image) else { return (nil, nil) }
    return (workload.location(of: UInt64(place)), image.line(for: place)?.text)
  }

  /// The source line of the instruction at an address of a toy program.
  ///
  /// - Parameter state: the registers by which the address is translated; the present ones if `nil`.
  public func sourceLine(of address: UInt64, _ state: ProcessorState? = nil) -> ToyImage.SourceLine? {
    guard case .toy(let image, _, _) = workload.machine else { return nil }
    return imagePlace(of: address, in: image, state).flatMap { image.line(for: $0) }
  }

  /// The nearest label at or before an address of a toy program.
  public func label(of address: UInt64, _ state: ProcessorState? = nil) -> ToyImage.Symbol? {
    guard case .toy(let image, _, _) = workload.machine else { return nil }
    return imagePlace(of: address, in: image, state).flatMap { image.symbol(at: $0)?.symbol }
  }

  /// Where in the image of a toy program the instruction at an address lies, if that is what storage still holds.
  private func imagePlace(
    of address: UInt64, in image: ToyImage, _ state: ProcessorState? = nil
  ) -> UInt32? {
    let memory = PhysicalMemory(platform: engine.platform)
    guard let physical = view.walk(address, state ?? engine.state, memory).physical,
      let place = UInt32(exactly: physical),
      let segment = image.segments.last(where: { $0.address <= place }), Int(place) < segment.end
    else { return nil }
    let offset = Int(place - segment.address)
    guard offset + 4 <= segment.bytes.count,
      read(physical, count: 4, isPhysical: true) == Array(segment.bytes[offset..<(offset + 4)])
    else { return nil }
    return place
  }

  /// The source text of a toy program around an address: number, text, and whether it is the address's line.
  public func source(around address: UInt64, lines count: Int) -> [(number: Int, text: String, isHere: Bool)]
  {
    guard case .toy(let image, _, _) = workload.machine, location(of: address).source != nil,
      let physical = translate(address), let place = UInt32(exactly: physical),
      let line = image.line(for: place),
      let text = image.files.first(where: { $0.name == line.file })?.text
    else { return [] }
    let all = text.split(separator: "\n", omittingEmptySubsequences: false)
    let first = max(0, line.line - 1 - count / 2)
    let shown = first..<min(all.count, first + count)
    return shown.map { index in
      (number: index + 1, text: String(all[index]), isHere: index + 1 == line.line)
    }
  }

  /// Numbers of the registers that are shown first.
  public var mainRegisters: [Int] { view.mainRegisters }

  /// The stack pointer's value.
  public var stackPointer: UInt64 { engine.state.registers[view.stackPointer] }

  /// Number of a whole register by name.
  public func registerNumber(named name: String) -> Int? {
    let key =
      name == "pc" && workload.isa == "x86" ? "rip" : name == "sp" && workload.isa == "x86" ? "rsp" : name
    if let number = engine.instructionSet.registers.firstIndex(where: { $0.name == key }) { return number }
    guard let alias = view.alias(key), alias.shift == 0 else { return nil }
    return alias.register
  }

  /// Whether the instruction that comes next is a call.
  public var isCallNext: Bool {
    let bytes = read(codeAddress, count: view.addressBytes == 4 ? 4 : 15)
    return view.flow(InstructionBytes(bytes), context: view.context(engine.state)) == .call
  }
}

extension DebugSession: DebugValues {
  public func register(named name: String) -> UInt64? {
    let registers = engine.state.registers
    if name == "pc" { return codeAddress }
    if let number = engine.instructionSet.registers.firstIndex(where: { $0.name == name }) {
      return registers[number]
    }
    if let alias = view.alias(name), alias.register < registers.count {
      return registers[alias.register] >> alias.shift & alias.mask
    }
    return nil
  }

  public func symbol(named name: String) -> UInt64? { workload.symbolAddress(name) }
}

extension DebugSession {
  /// Address of the first instruction of a toy program's source line; any file if the name is empty.
  public func address(ofLine number: Int, in file: String) -> UInt64? {
    guard case .toy(let image, _, _) = workload.machine else { return nil }
    let found = image.lines.first { line in
      Int(line.line) == number && Int(line.file) < image.files.count
        && (file.isEmpty || image.files[Int(line.file)].name == file)
    }
    return found.map { address(of: $0, in: image) }
  }

  /// Where the instruction of a line is when it runs.
  func address(of line: ToyImage.Line, in image: ToyImage) -> UInt64 {
    // The program may run at other addresses than it lies at: the nearest label tells.
    let shift = image.symbol(at: line.address).map { $0.symbol.value &- $0.symbol.address } ?? 0
    return UInt64(line.address &+ shift)
  }
}
