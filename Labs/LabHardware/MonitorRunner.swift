internal import LabKit
internal import MachineCore
internal import ToyISA
internal import Trace

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The program around a student's VMM: makes a bare machine and a guest, runs it, writes the trace.
///
/// Standard input and output are used as ``LabRunner`` does; the first line of the request says more, see ``Request``.
public enum MonitorRunner {
  /// Runs the program that is asked for and ends the process: 0 when the trace is complete.
  ///
  /// - Parameters:
  ///   - level: what stands between the bare machine and the VMM, as often as the request says.
  public static func main(
    monitor: any MonitorUnit.Type, hybrid: (any HybridUnit.Type)? = nil,
    level: (any StackableMonitor.Type)? = nil
  ) -> Never {
    let output = DescriptorOutput(dup(1))
    dup2(2, 1)
    do {
      guard let request = Request(readAll(0)) else {
        complain("the request does not begin with what is to be run\n")
        exit(3)
      }
      try run(request, monitor, hybrid, level, output)
    } catch {
      complain("\(error)\n")
      exit(3)
    }
    exit(0)
  }

  private static func run(
    _ request: Request, _ monitor: any MonitorUnit.Type, _ hybrid: (any HybridUnit.Type)?,
    _ level: (any StackableMonitor.Type)?, _ output: DescriptorOutput
  ) throws {
    let image = try ToyImage(decoding: request.image)
    let layout = request.layout
    let storage = try GuestMemory(size: Int(layout.storageSize))
    layout.fillOutside(storage, seed: request.seed)
    let place = Int(layout.guestStart)
    let machine = ToyMachine(memorySize: request.storage, input: request.input, disk: request.disk)
    let platform = try machine.makePlatform(on: storage.slice(place..<place + request.storage))

    // The header is that of any engine on this guest; the recorder must be there before the hardware.
    let plain = LabEngine(
      platform: platform, state: ToyInstructionSet.resetState(entry: image.entry, storage: request.storage),
      variant: request.variant, instructions: NoInstructions.self, traps: TableTranslation.self)
    let header = FinalState.header(
      for: plain, level: request.level, program: "exercise", programDigest: Digest.of(request.image),
      configurationDigest: 0)
    let writer = try TraceWriter(header, as: .binary, to: output)
    let recorder = writer.makeRecorder()
    let tape = Tape(recorder)

    let bare = BareHardware(memory: storage, variant: request.variant, tape: tape)
    var stack: [any VirtualHardware] = [Meter(bare, level: 0, tape: tape)]
    var levels: [any VirtualHardware] = []
    for (number, region) in layout.regions.dropLast().enumerated() {
      guard let level else { throw EngineRefusal("this lab has no levels between VMM and machine") }
      levels.append(level.init(on: stack[number], region: region))
      stack.append(Meter(levels[number], level: number + 1, tape: tape))
    }
    let top = stack[stack.count - 1]
    let region = layout.regions[layout.regions.count - 1]
    try load(image, size: request.storage, into: top, at: region.start)
    let engine = MonitorEngine(
      on: top, region: region, platform: platform,
      state: ToyInstructionSet.resetState(entry: image.entry, storage: request.storage),
      variant: request.variant, tape: tape, monitor: monitor, hybrid: hybrid)
    let stop = engine.run(RunLimits(instructions: request.limit), into: recorder)
    // What the storage holds as it is seen from above, and whether anything behind its end can be reached.
    tape.fact(Fact.storageFromAbove, try digest(of: top, at: region))
    if request.isProbing {
      for level in levels { tape.fact(Fact.outsideLoads, probe(level, tape)) }
    }
    tape.fact(Fact.stretches, engine.stretches)
    tape.fact(Fact.outside, layout.digestOutside(storage))
    FinalState.append(stop, of: engine, to: recorder)
    recorder.flush()
    try writer.finish()
  }

  /// Puts a program into the storage as the VMM sees it, through all levels.
  private static func load(_ image: ToyImage, size: Int, into hardware: any VirtualHardware, at start: UInt32)
    throws
  {
    let memory = try GuestMemory(size: size)
    try image.load(into: memory)
    for address in stride(from: UInt32(0), to: UInt32(truncatingIfNeeded: size), by: 4) {
      let word = UInt32(truncatingIfNeeded: memory.load(UInt64(address), width: 4) ?? 0)
      if word != 0 { hardware.store(start &+ address, word) }
    }
  }

  private static func digest(of hardware: any VirtualHardware, at region: Region) throws -> UInt64 {
    let memory = try GuestMemory(size: Int(region.size))
    for address in stride(from: UInt32(0), to: region.size, by: 4) {
      memory.store(UInt64(address), UInt64(hardware.load(region.start &+ address)), width: 4)
    }
    return memory.digest
  }

  /// Does to a level what software on it must not get anything by: loads and stores behind the end of its storage, PSWs
  /// that reach there, and one in supervisor mode.
  ///
  /// - Returns: the loaded words, all of them in one.
  private static func probe(_ hardware: any VirtualHardware, _ tape: Tape) -> UInt64 {
    let size = hardware.storageSize
    var seen: UInt32 = 0
    for address in [size, size &+ 4, size &+ 0xFFC, 0x8000_0000, 0xFFFF_F000, 0xFFFF_FFFC] {
      seen |= hardware.load(address)
      hardware.store(address, 0xBAD0_BAD0)
    }
    tape.isSilent = true
    defer { tape.isSilent = false }
    for base in [0, size &- 4096, size, 0xFFFF_F000] {
      // Nothing can be fetched there; what counts is the PSW that arrives below.
      hardware.psw = PSW(user: base != 0, pc: 0xFFFF_FFF0, base: base, bound: .max)
      _ = hardware.execute(slice: 1)
    }
    return UInt64(seen)
  }

  /// Codes of the facts in the trace that only the grader reads.
  private enum Fact {
    static let outside: UInt32 = 1
    static let outsideLoads: UInt32 = 2
    static let storageFromAbove: UInt32 = 3
    static let stretches: UInt32 = 4
  }
}

/// Never run: it stands in where only a header is wanted.
private enum NoInstructions: InstructionUnit {
  static func step(_ cpu: LabProcessor) throws(GuestTrap) {}
}
