#if os(Linux) && arch(x86_64)
  internal import MachineCore

  /// A tiny guest for finding out what the host does.
  final class ProbeGuest {
    let platform: Platform
    let guest: KVMGuest
    let codeAddress: UInt64

    /// Code in a machine of a mode; `prepare` may change memory and state before the start.
    init(
      _ mode: X86Mode, _ code: [UInt8], path: String = "/dev/kvm",
      memorySize: Int = X86Layout.minimumMemorySize,
      prepare: (Platform, inout ProcessorState) throws(MachineError) -> Void = { _, _ in }
    ) throws(KVMError) {
      codeAddress = mode.defaultLoadAddress
      let machine = X86Machine(
        mode: mode, entry: codeAddress, segments: [LoadSegment(address: codeAddress, bytes: code)],
        memorySize: memorySize)
      var state = machine.initialState
      do throws(MachineError) {
        platform = try machine.makePlatform()
        try prepare(platform, &state)
      } catch {
        throw .cannotCreate(call: "guest memory", reason: error.description)
      }
      guest = try KVMGuest(platform: platform, state: state, path: path)
    }

    /// Runs until a stop, at most half a second.
    func run(within seconds: Double = 0.5) -> StopReason {
      guest.run(within: seconds) { core throws(KVMError) in try core.runFreely(nil) }
    }

    var state: ProcessorState { guest.readState() }
  }
#endif
