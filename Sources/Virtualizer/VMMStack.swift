public import MachineCore
public import ToyISA

extension VirtualMachineMonitor {
  /// Deepest stack that ``stack(depth:machine:state:on:)`` builds.
  public static let maximumDepth = 8

  /// The window on the hardware's storage that a VMM gives to its guest.
  ///
  /// - Throws: ``EngineRefusal`` when the storage is too small for `size` bytes and what the VMM needs.
  public static func guestStorage(on hardware: any ToyHardware, size: Int) throws(EngineRefusal)
    -> GuestMemory
  {
    guard size > 0, size % ResourceMap.page == 0 else {
      throw EngineRefusal(
        "a guest cannot have \(size) bytes of storage", remedy: "give a positive multiple of 4096")
    }
    do {
      let map = ResourceMap(guestSize: size)
      guard hardware.storage.size >= map.shadow.upperBound else {
        throw MachineError.badRange(map.guest, size: hardware.storage.size)
      }
      return try hardware.storage.slice(map.guest)
    } catch {
      throw EngineRefusal(
        "the hardware's storage of \(hardware.storage.size) bytes is too small for a guest of \(size) bytes",
        remedy: "give it \(ResourceMap.storageNeeded(guestSize: size)) bytes")
    }
  }

  /// How a VMM treats its guest's supervisor.
  public enum Construction: String, Sendable, CaseIterable {
    /// Runs it directly, in user mode: the trap-and-emulate VMM of Theorem 1.
    case plain
    /// Interprets it: the hybrid VMM of Theorem 3.
    case hybrid
  }

  /// `depth` VMMs, each on the one below and the lowest on bare hardware; the guest on top of all of
  /// them sees exactly the given machine.
  ///
  /// - Parameters:
  ///   - construction: how the topmost VMM treats the guest's supervisor; those below run only the user code
  ///     that the one above gives them.
  ///   - makeHardware: makes the bare processor on storage of the size that is needed.
  /// - Throws: ``EngineRefusal`` for a depth outside 1…``maximumDepth`` or when storage cannot be had.
  public static func stack(
    depth: Int, _ construction: Construction = .plain, machine: ToyMachine, state: ProcessorState,
    on makeHardware: (GuestMemory) throws(EngineRefusal) -> any ToyHardware
  ) throws(EngineRefusal) -> VirtualMachineMonitor {
    try stack(
      depth: depth, machine: machine, state: state, policy: construction == .hybrid ? .hybrid : .correct,
      on: makeHardware)
  }

  /// The same with the decisions of the topmost VMM given.
  package static func stack(
    depth: Int, machine: ToyMachine, state: ProcessorState, policy: VMMPolicy,
    on makeHardware: (GuestMemory) throws(EngineRefusal) -> any ToyHardware
  ) throws(EngineRefusal) -> VirtualMachineMonitor {
    guard (1...maximumDepth).contains(depth) else {
      throw EngineRefusal(
        "a stack of \(depth) VMMs cannot be built", remedy: "choose a depth from 1 to \(maximumDepth)")
    }
    var sizes = [machine.memorySize]
    for _ in 0..<depth { sizes.append(ResourceMap.storageNeeded(guestSize: sizes[sizes.count - 1])) }
    do {
      var hardware = try makeHardware(GuestMemory(size: sizes[depth]))
      for level in 1...depth {
        let memory = try guestStorage(on: hardware, size: sizes[depth - level])
        let isTop = level == depth
        let platform = isTop ? try machine.makePlatform(on: memory) : Platform(memory: memory)
        let monitor = try VirtualMachineMonitor(
          on: hardware, platform: platform, state: state, policy: isTop ? policy : .correct)
        if isTop { return monitor }
        hardware = monitor
      }
    } catch let refusal as EngineRefusal {
      throw refusal
    } catch {
      throw EngineRefusal("the VMMs' storage cannot be had: \(error)", remedy: "choose a smaller --memory")
    }
    throw EngineRefusal("a stack of \(depth) VMMs cannot be built")
  }
}
