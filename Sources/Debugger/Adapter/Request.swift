/// The requests that are answered.
enum Request: String, CaseIterable {
  case initialize, launch, attach, restart, configurationDone, disconnect, terminate, cancel, threads, pause,
    `continue`, next, stepIn, stepOut, stepBack, reverseContinue, goto, gotoTargets, setBreakpoints,
    setFunctionBreakpoints, setInstructionBreakpoints, setExceptionBreakpoints, dataBreakpointInfo,
    setDataBreakpoints, breakpointLocations, exceptionInfo, stackTrace, scopes, variables, setVariable,
    setExpression, evaluate, completions, source, loadedSources, disassemble, readMemory, writeMemory

  /// It has a meaning before there is a program.
  var worksWithoutProgram: Bool {
    switch self {
    case .initialize, .launch, .attach, .disconnect, .terminate, .cancel, .threads: true
    default: false
    }
  }

  /// The machine must not be running.
  var needsStandstill: Bool {
    switch self {
    case .continue, .next, .stepIn, .stepOut, .stepBack, .reverseContinue, .goto, .exceptionInfo, .stackTrace,
      .scopes, .variables, .setVariable, .setExpression, .evaluate, .writeMemory:
      true
    default: false
    }
  }
}

extension DebugAdapter {
  /// What `initialize` answers.
  static let capabilities: JSON = [
    "supportsConfigurationDoneRequest": true,
    "supportsFunctionBreakpoints": true,
    "supportsConditionalBreakpoints": true,
    "supportsHitConditionalBreakpoints": true,
    "supportsLogPoints": true,
    "supportsInstructionBreakpoints": true,
    "supportsDataBreakpoints": true,
    "supportsDataBreakpointBytes": true,
    "supportsBreakpointLocationsRequest": true,
    "supportsExceptionInfoRequest": true,
    "supportsExceptionFilterOptions": true,
    "exceptionBreakpointFilters": .array(ExceptionFilter.allCases.map(\.json)),
    "supportsEvaluateForHovers": true,
    "supportsClipboardContext": true,
    "supportsCompletionsRequest": true,
    "supportsSetVariable": true,
    "supportsSetExpression": true,
    "supportsStepBack": true,
    "supportsSteppingGranularity": true,
    "supportsGotoTargetsRequest": true,
    "supportsRestartRequest": true,
    "supportsTerminateRequest": true,
    "supportsCancelRequest": true,
    "supportsLoadedSourcesRequest": true,
    "supportsDelayedStackTraceLoading": true,
    "supportsDisassembleRequest": true,
    "supportsReadMemoryRequest": true,
    "supportsWriteMemoryRequest": true,
  ]
}
