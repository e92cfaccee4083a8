internal import MachineCore
internal import ToyISA
internal import Trace
internal import X86Backend

/// Whole files of every kind that the commands read, from which damaged ones are made.
struct FileSeeds: Sendable {
  private let files: [FuzzedFile: [[UInt8]]]

  /// The files of a kind; none for what is no file.
  subscript(_ kind: FuzzedFile) -> [[UInt8]] { files[kind] ?? [] }

  /// Makes them all from what comes with the package.
  ///
  /// - Throws: what making a machine throws; never with this package's programs.
  init() throws {
    var files: [FuzzedFile: [[UInt8]]] = [:]
    files[.elf] = [
      X86Workload.protected32.image, X86Workload.long64.image,
      X86Computation.sieve.workload(.protected32).image, X86Computation.sieve.workload(.long64).image,
    ]
    files[.multiboot] = [Self.kernel(isPlaced: true), Self.kernel(isPlaced: false)]
    files[.firmware] = [X86Workload.timerROM.image]
    let programs = ["hello", "fib", "strings", "minos"].compactMap(ToyPrograms.named)
    files[.toySource] = programs.map { Array($0.source.utf8) }
    let hello = try programs[0].assemble()
    files[.toyImage] = [hello.encode(), hello.encode(includeText: false)]
    files[.snapshot] = [
      try Self.snapshot(Self.toyWorkload), try Self.snapshot(Self.x86Workload),
    ]
    files[.trace] = try TraceEncoding.allCases.map { try Self.trace(Self.toyWorkload, $0) }
    files[.vectors] = [Array(Self.vectors.utf8)]
    files[.gzip] = [Self.packedVectors]
    files[.moo] = [Self.moo]
    self.files = files
  }

  /// What the snapshots are of.
  static var toyWorkload: Workload {
    get throws {
      let program = ToyPrograms.named("hello") ?? ToyPrograms.all[0]
      var machine = program.machine
      machine.memorySize = 64 << 10
      return Workload(name: program.name, machine: .toy(try program.assemble(), machine, .classic))
    }
  }

  /// What the other snapshot is of.
  static var x86Workload: Workload {
    get throws {
      let machine = try X86Workload.real16.machine(memorySize: X86Layout.minimumMemorySize)
      return Workload(name: X86Workload.real16.name, machine: .x86(machine))
    }
  }

  private static func snapshot(_ workload: Workload) throws -> [UInt8] {
    let engine = try workload.makeEngine(.emulator)
    _ = try engine.run(RunLimits(instructions: 100), into: nil)
    return try workload.snapshot(of: engine).encoded
  }

  private static func trace(_ workload: Workload, _ encoding: TraceEncoding) throws -> [UInt8] {
    let engine = try workload.makeEngine(.emulator)
    let output = TraceBytesOutput()
    let writer = try TraceWriter(workload.header(for: engine, level: .instructions), as: encoding, to: output)
    let recorder = writer.makeRecorder()
    let stop = try engine.run(RunLimits(instructions: 40), into: recorder)
    FinalState.append(stop, of: engine, to: recorder)
    recorder.flush()
    try writer.finish()
    return output.bytes
  }

  // MARK: Made by hand

  /// A Multiboot kernel that switches the machine off: flat with addresses in its header, or as 32-bit ELF.
  private static func kernel(isPlaced: Bool) -> [UInt8] {
    let magic: UInt32 = 0x1BAD_B002
    let base: UInt32 = 0x10_0000
    let start: UInt32 = isPlaced ? 0 : 84
    let flags: UInt32 = isPlaced ? 0x1_0003 : 3
    var words = [magic, flags, 0 &- magic &- flags]
    // MOV AL, 0; OUT F4h, AL; JMP itself.
    let code: [UInt8] = [0xB0, 0, 0xE6, 0xF4, 0xEB, 0xFE]
    if isPlaced { words += [base, base, 0, base + 0x1000, base + 32] }
    var bytes = words.flatMap(little) + code
    guard !isPlaced else { return bytes }
    let size = start + UInt32(bytes.count)
    // ELF header and one program header (System V ABI, chapters 4 and 5).
    var head: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
    head += [2, 0, 3, 0] + [1, base + start + 12, 52, 0, 0].flatMap(little)
    head += [52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    head += [1, 0, base, base, size, size + 0x1000, 7, 0x1000].flatMap(little)
    bytes = head + bytes
    return bytes
  }

  private static func little(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  private static let vectors = """
    [{"name":"add [bx], al","bytes":[0,7],"initial":{"regs":{"ax":4660,"bx":16,"cx":3,"dx":0,\
    "cs":4096,"ss":8192,"ds":12288,"es":16384,"sp":256,"bp":128,"si":4,"di":8,"ip":32,\
    "flags":61442},"ram":[[65568,0],[65569,7],[196624,17]],"queue":[]},"final":{"regs":{"ip":34,\
    "flags":61446},"ram":[[196624,69]]},"cycles":[[0,65568,"---"]],"hash":"00ff","idx":0},\
    {"name":"push ax","bytes":[80],"initial":{"regs":{"ax":77,"bx":16,"cx":3,"dx":0,"cs":4096,\
    "ss":8192,"ds":12288,"es":16384,"sp":256,"bp":128,"si":4,"di":8,"ip":32,"flags":61442},\
    "ram":[[65568,80]],"queue":[]},"final":{"regs":{"ip":33,"sp":254},"ram":[[131326,77],[131327,\
    0]]},"flags-mask":65535,"exception":null,"idx":1}]
    """

  /// ``vectors``, compressed.
  private static let packedVectors: [UInt8] = {
    let digits = """
      1f8b08000000000002ffcd91cb6e833010457f259af520f98579fc0af2c221d0582594c6201145f9f75ed3b4691695baec6a\
      8679dc3b3e34571afda9a39afce1b06bf6abe39d1f88697f99bb487523b8704c610c7340bdbed2b97b8929fa956a63adc028\
      3269995a44cd744040b5c5941115ea1159292b851632a95459322571697569d09fa8563906f7536aa3190376318e80af80b2\
      c6763ff8646da531eac674f627dcd7d83cb7250bc75b56a5731b5959ab0ccbc2e1f6f7a55bf0c0c661a70fe3f32b366df3a4\
      6d1fda771d5bb9b4dc5eda616302289fae946519258fa38f473014a2efc12e6c086efccd765ae27107600faca5f89d6a51fc\
      0fa6b8f14ff8f4979df9414e4bad2c17dbdf4879815fb44924c3ece4e32b5cf35ce7387b6dbb690e6f23d5e3320c777ef2e6\
      3e004045b3669d020000
      """
    return stride(from: 0, to: digits.utf8.count, by: 2).compactMap { place in
      UInt8(digits.dropFirst(place).prefix(2), radix: 16)
    }
  }()

  /// A file of the chunked form with one vector in it.
  private static let moo: [UInt8] = {
    func chunk(_ tag: String, _ contents: [UInt8]) -> [UInt8] {
      Array(tag.utf8) + little(UInt32(contents.count)) + contents
    }
    let registers = chunk("REGS", [0xFF, 0x3F] + (0..<28).map { UInt8($0) })
    let memory = chunk("RAM ", little(2) + little(0x400) + [0x90] + little(0x401) + [0xF4])
    let test =
      little(7) + chunk("NAME", little(3) + Array("nop".utf8)) + chunk("BYTS", little(1) + [0x90])
      + chunk("INIT", registers + memory) + chunk("FINA", chunk("REGS", [0, 0x10, 1, 0]))
      + chunk("EXCP", [13] + little(0x1000)) + chunk("HASH", [UInt8](repeating: 0xAB, count: 20))
    let masks = chunk("RMSK", [0, 0x20, 0xD5, 0x0F])
    return chunk("MOO ", [1, 1, 0, 0] + little(1) + Array("8088".utf8)) + masks + chunk("TEST", test)
  }()
}
