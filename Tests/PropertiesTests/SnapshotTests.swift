import MachineCore
import Properties
import Testing
import ToyISA
import Trace
import X86Backend

/// Snapshots are whole or refused.
@Suite struct SnapshotTests {
  private func minos() throws -> Workload {
    let program = try #require(ToyPrograms.named("minos"))
    let image = try ToyAssembler.run(
      bytes: Array(program.source.utf8), file: program.file, defines: program.defines, include: { _ in nil }
    ).image
    return Workload(name: "minos", machine: .toy(image, program.machine, .classic))
  }

  private func snapshot(at count: UInt64, of workload: Workload) throws -> MachineSnapshot {
    let engine = try workload.makeEngine(.emulator)
    _ = try engine.run(RunLimits(instructions: count), into: nil)
    return try workload.snapshot(of: engine)
  }

  @Test func theFileFormGivesEverythingBack() throws {
    let workload = try minos()
    for count: UInt64 in [0, 1, 4_321, 20_000] {
      let snapshot = try snapshot(at: count, of: workload)
      let bytes = snapshot.encoded
      #expect(bytes == snapshot.encoded)
      #expect(try MachineSnapshot(decoding: bytes) == snapshot)
    }
  }

  @Test func fieldsThatNoProgramHereUsesComeBackToo() throws {
    var snapshot = try snapshot(at: 100, of: try minos())
    snapshot.powerOff = .max
    snapshot.processor.deliveries = 3
    snapshot.pending = 0x8000_0001
    snapshot.view = StorageView(addressMask: ~(1 << 20), protected: [0xC0000..<0xD0000, 0xF0000..<0x100000])
    snapshot.processor.auxiliaries = [[1: 2, .max: 3], [:]]
    snapshot.devices[0].contents = [1, 2, 3]
    #expect(try MachineSnapshot(decoding: snapshot.encoded) == snapshot)
  }

  /// With and without a digest that fits, a damaged file is an error or, where the damage hits a value, a
  /// snapshot; it never stops the process.
  @Test func damagedFilesAreErrors() throws {
    var small = try snapshot(at: 2_000, of: try minos())
    small.pages = small.pages.filter { $0.key < 2 }
    let whole = small.encoded
    var random = SplitMix(state: 20_261_121)
    var refused = 0
    for _ in 0..<3_000 {
      var bytes = whole
      switch random.next() % 4 {
      case 0: bytes.removeLast(Int(random.next() % UInt64(bytes.count)))
      case 1:
        bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count)))
      default:
        for _ in 0...(random.next() % 4) {
          let place = Int(random.next() % UInt64(min(bytes.count, 2_000)))
          bytes[place] = random.next() % 2 == 0 ? 0xFF : UInt8(truncatingIfNeeded: random.next())
        }
      }
      guard bytes != whole else { continue }
      #expect(throws: SnapshotError.self) { try MachineSnapshot(decoding: bytes) }
      if bytes.count > 8 {
        // The same with a digest that fits: now only the structure protects.
        bytes.removeLast(8)
        withUnsafeBytes(of: Digest.of(bytes).littleEndian) { bytes += $0 }
        if (try? MachineSnapshot(decoding: bytes)) == nil { refused += 1 }
      }
    }
    #expect(refused > 1_000)
  }

  @Test func otherMachinesAreRefused() throws {
    let workload = try minos()
    let snapshot = try snapshot(at: 5_000, of: workload)
    func refusal(_ change: (inout MachineSnapshot) -> Void) throws -> String {
      var changed = snapshot
      change(&changed)
      let engine = try workload.makeEngine(.simulator)
      do {
        try changed.install(into: engine)
        return "none"
      } catch {
        return error.description
      }
    }
    #expect(try refusal { _ in } == "none")
    #expect(try refusal { $0.isa = "x86" }.contains("x86"))
    #expect(try refusal { $0.variant = "popf" }.contains("popf"))
    #expect(try refusal { $0.registerNames[3] = "q3" }.contains("r3"))
    #expect(try refusal { $0.processor.registers.removeLast() }.contains("values"))
    #expect(try refusal { $0.memorySize += 4096 }.contains("storage"))
    #expect(try refusal { $0.devices.removeLast() }.contains("devices"))
    #expect(try refusal { $0.devices[1].start += 1 }.contains(snapshot.devices[1].name))
    #expect(try refusal { $0.devices[0].state.append(1) }.contains(snapshot.devices[0].name))
    #expect(try refusal { $0.processor.registers[0] = 1 }.contains("r0"))
    #expect(try refusal { $0.pages[1 << 40] = [UInt8](repeating: 1, count: 4096) }.contains("page"))
  }

  @Test func aDeviceThatForgetsIsFoundOut() throws {
    let workload = try minos()
    let engine = try workload.makeEngine(.simulator)
    let forgetful = ForgetfulDevice()
    try engine.platform.attach(forgetful, .port, at: 0x7000..<0x7001)
    forgetful.value = 7
    let snapshot = try workload.snapshot(of: engine)
    forgetful.value = 0
    #expect(throws: SnapshotError.notKept("the state of device `forgetful`")) {
      try snapshot.install(into: engine)
    }
  }

  /// Every stored property of every device comes back with a snapshot, but for those listed with the reason.
  @Test(arguments: [
    ("minos", [900, 7_000, 20_000, 60_000]), ("real16", [40, 400]), ("protected32", [2_000]),
  ])
  func everyFieldOfEveryDeviceComesBack(_ name: String, _ counts: [UInt64]) throws {
    let notState: [String: Set<String>] = [
      // Only needed to step back, which does not go behind a snapshot.
      "disk": ["undo"]
    ]
    let workload =
      name == "minos"
      ? try minos() : Workload(name: name, machine: .x86(try #require(X86Workload.named(name)).machine()))
    for count in counts {
      let engine = try workload.makeEngine(.emulator)
      _ = try engine.run(RunLimits(instructions: count), into: nil)
      let fresh = try workload.makeEngine(.emulator)
      try workload.snapshot(of: engine).install(into: fresh)
      for (old, new) in zip(engine.platform.devices, fresh.platform.devices) {
        for (field, copy) in zip(Mirror(reflecting: old).children, Mirror(reflecting: new).children) {
          guard let label = field.label, notState[old.name]?.contains(label) != true else { continue }
          #expect(
            String(reflecting: field.value) == String(reflecting: copy.value),
            "\(old.name).\(label) at \(count)")
        }
      }
    }
  }
}

private final class ForgetfulDevice: Device {
  let name = "forgetful"
  var value: UInt64 = 0
  func read(offset: UInt64, width: Int, on platform: Platform) -> UInt64 { value }
  func write(offset: UInt64, value: UInt64, width: Int, on platform: Platform) { self.value = value }
  func save() -> [UInt64] { [value] }
  func restore(_ state: [UInt64]) {}
}
