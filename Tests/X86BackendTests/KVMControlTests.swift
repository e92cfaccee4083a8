import MachineCore
import Testing
import Trace
import X86Backend

#if os(Linux) && arch(x86_64)
  import Glibc

  /// What the control claim of the KVM engine rests on: each measure must report when it is broken.
  @Suite(.enabled(if: KVMProbe.shared.isUsable, "no usable KVM on this host"))
  struct KVMControlTests {
    private static let size = X86Layout.minimumMemorySize

    /// MOV byte [address], 1; HLT in 32-bit mode.
    private static func storing(at address: Int) -> [UInt8] {
      [0xC6, 0x05] + (0..<4).map { UInt8(truncatingIfNeeded: address >> ($0 * 8)) } + [0x01, 0xF4]
    }

    private static func engine(_ code: [UInt8], slotSize: Int?) throws -> KVMEngine {
      let address = X86Mode.protected32.defaultLoadAddress
      let machine = X86Machine(
        mode: .protected32, entry: address, segments: [LoadSegment(address: address, bytes: code)],
        memorySize: size)
      return try KVMEngine(
        platform: machine.makePlatform(), state: machine.initialState, instructionSet: X86InstructionSet(),
        slotSize: slotSize)
    }

    @Test func soundSetUpHasNoBreach() throws {
      // The first byte behind the storage is a hole: the store comes out and goes nowhere.
      for address in [Self.size - 1, Self.size] {
        let engine = try Self.engine(Self.storing(at: address), slotSize: nil)
        guard case .idle = try engine.run(KVMEngineTests.quick, into: nil) else {
          Issue.record("the guest did not halt")
          continue
        }
        #expect(engine.statistics.controlViolations == [])
        #expect(engine.platform.unclaimed == (address == Self.size ? 1 : 0))
      }
    }

    @Test func tooSmallASlotIsABreach() throws {
      let engine = try Self.engine(Self.storing(at: Self.size - 1), slotSize: Self.size - 4096)
      _ = try engine.run(KVMEngineTests.quick, into: nil)
      let breaches = engine.statistics.controlViolations
      #expect(breaches.contains { $0.contains("KVM was given") })
      #expect(breaches.contains { $0.contains("guest's own storage") })
    }

    @Test func memoryBeyondTheStorageIsABreach() throws {
      let engine = try Self.engine(Self.storing(at: Self.size), slotSize: Self.size + 4096)
      // SAFETY: the page behind the storage belongs to the same mapping; nothing else is there.
      #expect(mprotect(engine.platform.memory.base + Self.size, 4096, PROT_READ | PROT_WRITE) == 0)
      _ = try engine.run(KVMEngineTests.quick, into: nil)
      let breaches = engine.statistics.controlViolations
      #expect(breaches.contains { $0.contains("KVM was given") })
      #expect(breaches.contains { $0.contains("above the guest's storage is accessible") })
      #expect(breaches.contains { $0.contains("above the guest's storage was touched") })
      #expect(!breaches.contains { $0.contains("below") })
    }

    @Test func guardsHoldWhenTheSlotIsTooLarge() throws {
      // The same slot, the guard in place: the kernel cannot reach the page for the guest either.
      let engine = try Self.engine(Self.storing(at: Self.size), slotSize: Self.size + 4096)
      _ = try engine.run(RunLimits(hostSeconds: 1), into: nil)
      let breaches = engine.statistics.controlViolations
      #expect(breaches.count == 1 && breaches[0].contains("KVM was given"), "\(breaches)")
    }
  }
#endif
