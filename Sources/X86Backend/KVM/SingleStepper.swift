#if os(Linux) && arch(x86_64)
  internal import CKVM
  internal import MachineCore
  internal import Trace

  /// Records every instruction by single-stepping.
  struct SingleStepper {
    let support: SteppingSupport
    let instructionSet: any InstructionSet

    mutating func run(
      _ core: KVMCore, _ limits: RunLimits, _ recorder: TraceRecorder
    ) throws(KVMError) -> StopReason {
      .hostFailure("single-stepping is not ready")
    }
  }
#endif
