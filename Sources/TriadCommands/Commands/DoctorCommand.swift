import Foundation
import MachineCore
import Properties
import ToyISA
import X86Backend

let doctorCommand = CommandSpecification(
  name: "doctor", summary: "Say what this host can do, and what each lack means.", arguments: [],
  options: [
    OptionSpecification("--probe", "also measure where this host's KVM departs from the manual"),
    OptionSpecification(
      "--machines", "N", "instead: make and let go N machines of every kind, and say what they leave behind"),
    jsonOption,
  ],
  examples: ["triad doctor", "triad doctor --probe", "triad doctor --machines 1000"],
  run: { arguments, terminal in
    if let count = try arguments.number("--machines") {
      guard (1...1_000_000).contains(count) else {
        throw CommandFailure.usage("--machines takes 1 to 1000000")
      }
      return try churn(Int(count), arguments, terminal)
    }
    let probe = KVMProbe.shared
    let behaviours = arguments.has("--probe") && probe.isUsable ? HostDeviations.behaviours : nil
    if arguments.has("--json") {
      terminal.line(try jsonText(DoctorOutput(probe, behaviours)))
      return .success
    }
    let rows = hostFacts(probe)
    let width = rows.map(\.0.count).max() ?? 0
    for (name, value) in rows { terminal.line(name.padding(to: width) + "  " + value) }
    terminal.line()
    if let error = probe.error {
      terminal.line("x86 programs run on simulator and emulator only: \(error.description)")
      terminal.line("  help: \(error.remedy)")
      terminal.line("All toy machines, the virtualizer included, work without KVM.")
    } else {
      terminal.line("Everything works here: toy and x86 programs on all three machines.")
      if let limitation = probe.stepping.limitation {
        terminal.line("Instruction-level traces of the x86 virtualizer have a limit: \(limitation).")
      }
    }
    if let behaviours { writeBehaviours(behaviours, terminal) }
    return .success
  })

/// Makes and lets go machines of every kind.
private func churn(_ count: Int, _ arguments: ParsedArguments, _ terminal: Terminal) throws -> ExitStatus {
  var results: [MachineChurn] = []
  // Few instructions, since KVM has no count to stop at: MOV AL, 0; OUT F4h, AL.
  let code = LoadSegment(address: X86Layout.bootSector, bytes: [0xB0, 0, 0xE6, 0xF4])
  let short = X86Machine(mode: .real16, entry: code.address, segments: [code])
  for workload in [
    try loadWorkload("hello", arguments), Workload(name: "power-off", machine: .x86(short)),
  ] {
    for kind in EngineKind.allCases {
      do {
        results.append(
          try MachineChurn.run(workload, on: kind, machines: count) {
            terminal.progress("\(workload.isa) on \(kind.rawValue): \(grouped(UInt64($0))) machines")
          })
      } catch let refusal as EngineRefusal where refusal.isHostLack {
        terminal.note("\(workload.isa) on \(kind.rawValue): not measured: \(refusal.reason)")
      }
    }
  }
  terminal.progress("")
  if arguments.has("--json") {
    terminal.line(try jsonText(results.map(ChurnOutput.init)))
  } else {
    var table = TextTable([
      ("program", .left), ("engine", .left), ("machines", .right), ("descriptors", .right),
      ("resident KiB", .right), ("seconds", .right), ("", .left),
    ])
    for result in results {
      table.add([
        result.program, result.kind.rawValue, grouped(UInt64(result.machines)),
        "\(result.before.descriptors) → \(result.after.descriptors)",
        "\(result.before.resident >> 10) → \(result.after.resident >> 10)", fixedPoint(result.seconds, 1),
        result.isClean ? "" : "something is left behind",
      ])
    }
    for line in table.lines() { terminal.line(line) }
  }
  return results.allSatisfy(\.isClean) ? .success : .failure
}

private struct ChurnOutput: Encodable {
  var program, engine: String
  var machines, descriptorsBefore, descriptorsAfter, residentBefore, residentAfter: Int
  var seconds: Double
  var isClean: Bool

  init(_ result: MachineChurn) {
    program = result.program
    engine = result.kind.rawValue
    machines = result.machines
    descriptorsBefore = result.before.descriptors
    descriptorsAfter = result.after.descriptors
    residentBefore = result.before.resident
    residentAfter = result.after.resident
    seconds = result.seconds
    isClean = result.isClean
  }
}

private func hostFacts(_ probe: KVMProbe) -> [(String, String)] {
  var rows = [
    (
      "host",
      "\(operatingSystem), \(architecture), \(ProcessInfo.processInfo.activeProcessorCount) processors"
    ),
    ("compiler", compilerVersion), ("build", buildKind),
    ("kvm present", probe.isPresent ? "yes" : "no"), ("kvm permitted", probe.isPermitted ? "yes" : "no"),
    ("kvm usable", probe.isUsable ? "yes: a guest ran" : "no"),
    ("kvm flavour", probe.isPresent ? probe.flavour : "none"),
    ("kvm api", probe.apiVersion.map(String.init) ?? "unknown"),
  ]
  for (name, value) in probe.capabilities {
    rows.append(("  " + name.replacing("KVM_CAP_", with: "").lowercased(), value == 0 ? "no" : String(value)))
  }
  return rows
}

extension KVMProbe {
  /// The device node is there, on a host that can have it.
  fileprivate var isPresent: Bool {
    switch error {
    case .missing, .foreignHost: false
    default: true
    }
  }

  /// This user may open it.
  fileprivate var isPermitted: Bool {
    switch error {
    case .noPermission, .cannotOpen: false
    default: isPresent
    }
  }
}

private func writeBehaviours(_ behaviours: [HostBehaviour], _ terminal: Terminal) {
  terminal.line()
  if !behaviours.contains(where: \.deviates) {
    terminal.line("KVM behaved by the manual in all \(behaviours.count) probes.")
  }
  var table = TextTable([
    ("probe", .left), ("behaviour", .left), ("Intel SDM", .left), ("expected", .left), ("seen", .left),
    ("", .left),
  ])
  for behaviour in behaviours {
    let seen = behaviour.observation
    table.add([
      seen.id, seen.behaviour, seen.section, seen.expected, seen.seen, behaviour.deviates ? "deviates" : "",
    ])
  }
  for line in table.lines() { terminal.line(line) }
}

private var operatingSystem: String {
  #if os(Linux)
    "Linux"
  #elseif os(macOS)
    "macOS"
  #else
    "unknown system"
  #endif
}

private var architecture: String {
  #if arch(x86_64)
    "x86-64"
  #elseif arch(arm64)
    "arm64"
  #else
    "other processor"
  #endif
}

private var compilerVersion: String {
  #if compiler(>=6.4)
    "Swift 6.4 or later"
  #elseif compiler(>=6.3)
    "Swift 6.3"
  #else
    "Swift 6.2"
  #endif
}

private var buildKind: String {
  #if DEBUG
    "debug: about ten times slower than `-c release`"
  #else
    "release"
  #endif
}

/// What `triad doctor --json` prints.
private struct DoctorOutput: Encodable {
  struct Behaviour: Encodable {
    var id: String
    var behaviour: String
    var manual: String
    var expected: String
    var seen: String
    var deviates: Bool
  }

  var facts: [String: String]
  var kvmUsable: Bool
  var kvmError: String?
  var kvmRemedy: String?
  var steppingLimitation: String?
  var behaviours: [Behaviour]?

  init(_ probe: KVMProbe, _ measured: [HostBehaviour]?) {
    facts = Dictionary(
      hostFacts(probe).map { ($0.0.trimmingCharacters(in: .whitespaces), $0.1) }, uniquingKeysWith: { $1 })
    kvmUsable = probe.isUsable
    kvmError = probe.error?.description
    kvmRemedy = probe.error?.remedy
    steppingLimitation = probe.stepping.limitation
    behaviours = measured?.map {
      Behaviour(
        id: $0.observation.id, behaviour: $0.observation.behaviour, manual: $0.observation.section,
        expected: $0.observation.expected, seen: $0.observation.seen, deviates: $0.deviates)
    }
  }
}
