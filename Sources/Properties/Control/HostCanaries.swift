public import MachineCore
internal import ToyISA
internal import Virtualizer

/// Blocks of this process's own memory that no guest may change.
///
/// They are allocated before and after a machine is made, so that they lie around it wherever the allocator puts
/// things; storage itself lies between inaccessible pages, which are asked for as well.
public final class HostCanaries {
  private var blocks: [UnsafeMutableRawBufferPointer] = []
  private static let blockSize = 1 << 16

  /// The first canaries.
  public init() { plant() }

  deinit { for block in blocks { block.deallocate() } }

  /// Plants more of them.
  public func plant() {
    for _ in 0..<4 {
      let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockSize, alignment: 4096)
      for place in block.indices { block[place] = Self.pattern(blocks.count, place) }
      blocks.append(block)
    }
  }

  /// Changes a byte of the last canary, to see that it is noticed.
  package func damageForTest() { blocks[blocks.count - 1][777] ^= 1 }

  private static func pattern(_ block: Int, _ place: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (place &* 167) ^ (place >> 8) ^ (block &* 59) ^ 0x5A)
  }

  /// What was changed, if anything was.
  public var damage: String? {
    for (number, block) in blocks.enumerated() {
      for place in block.indices where block[place] != Self.pattern(number, place) {
        return "memory of the host process was changed (canary \(number), byte \(place))"
      }
    }
    return nil
  }

  /// What is wrong with the inaccessible pages around an engine's storage, if anything is.
  public static func brokenGuards(of engine: any Engine) -> String? {
    var storages = [engine.platform.memory]
    var monitor = engine as? VirtualMachineMonitor
    while let current = monitor {
      storages.append(current.hardware.storage)
      monitor = current.hardware as? VirtualMachineMonitor
    }
    return storages.allSatisfy(\.guardsHold)
      ? nil : "a page beside the guest's storage is accessible to the host process"
  }
}
