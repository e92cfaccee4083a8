public import MachineCore
internal import ToyISA
public import Trace
internal import X86Backend

extension Workload {
  /// Digest of the program's bytes and places.
  public var programDigest: UInt64 {
    switch machine {
    case .toy(let image, _, _): return image.digest
    case .x86(let machine):
      var digest = Digest()
      digest.add(word: machine.entry)
      for segment in machine.segments {
        digest.add(word: segment.address)
        digest.add(word: segment.memorySize)
        digest.add(segment.bytes)
      }
      for rom in machine.pc?.roms ?? [] {
        digest.add(word: rom.address ?? .max)
        digest.add(rom.bytes)
      }
      return digest.value
    }
  }

  /// Digest of the machine's configuration.
  public var configurationDigest: UInt64 {
    switch machine {
    case .toy(_, let machine, _): return machine.digest
    case .x86(let machine):
      var digest = Digest()
      digest.add(word: UInt64(machine.memorySize))
      digest.add(word: UInt64(machine.mode.rawValue))
      digest.add(machine.input)
      if let pc = machine.pc {
        digest.add(word: 1)
        digest.add(pc.disk ?? [])
        digest.add(pc.floppy ?? [])
        digest.add(pc.keys)
      }
      if machine.model != .modern { digest.add(Array(machine.model.rawValue.utf8)) }
      if machine.usesSharedPoints { digest.add(word: 2) }
      return digest.value
    }
  }

  /// The address with this name, if the program has symbols.
  public func symbolAddress(_ name: String) -> UInt64? {
    switch machine {
    case .toy(let image, _, _): image.symbol(named: name).map { UInt64($0.value) }
    case .x86(let machine): machine.symbols[name]
    }
  }

  /// Names of all symbols.
  public var symbolNames: [String] {
    switch machine {
    case .toy(let image, _, _): image.symbols.map(\.name)
    case .x86(let machine): machine.symbols.keys.sorted()
    }
  }

  /// The address as a symbol and offset, with the source line where it is known.
  public func location(of pc: UInt64) -> String? {
    switch machine {
    case .toy(let image, _, _):
      guard let address = UInt32(exactly: pc) else { return nil }
      let name = image.symbol(at: address).map { place in
        place.offset == 0 ? place.symbol.name : "\(place.symbol.name)+\(place.offset)"
      }
      let line = image.line(for: address).map { "\($0.file):\($0.line)" }
      let parts = [name, line].compactMap { $0 }
      return parts.isEmpty ? nil : parts.joined(separator: " ")
    case .x86(let machine):
      guard let best = machine.symbols.filter({ $0.value <= pc }).max(by: { $0.value < $1.value }),
        pc - best.value < 0x1_0000
      else { return nil }
      return best.value == pc ? best.key : "\(best.key)+\(pc - best.value)"
    }
  }

  /// The text of the source line at an address, without the space around it.
  public func sourceLine(of pc: UInt64) -> String? {
    guard case .toy(let image, _, _) = machine, let address = UInt32(exactly: pc),
      let text = image.line(for: address)?.text
    else { return nil }
    let isSpace = { (character: Character) in character.isWhitespace }
    let head = text.drop(while: isSpace)
    return String(head.prefix(head.count - head.reversed().prefix(while: isSpace).count))
  }

  /// A header for a trace of this workload on `engine`.
  public func header(for engine: any Engine, level: TraceLevel) -> TraceHeader {
    FinalState.header(
      for: engine, level: level, program: name, programDigest: programDigest,
      configurationDigest: configurationDigest)
  }
}
