// swift-tools-version: 6.2
// Triad: one workload on three kinds of machine, one trace, three properties.
//
// The package depends on nothing but the Swift toolchain. Arrows between the
// targets go down only; `Docs/Architecture.md` draws them.

import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target of this package, with the settings all of them share.
func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [],
  resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude, resources: resources,
    swiftSettings: settings)
}

/// A Swift Testing target; every one may use the whole package.
func tests(_ name: String, exclude: [String] = []) -> Target {
  .testTarget(
    name: name,
    dependencies: [
      "Trace", "MachineCore", "ToyISA", "Simulator", "Emulator", "Virtualizer", "X86Backend",
      "Properties", "Debugger", "Grading", "Mutants", "TriadCommands",
    ],
    exclude: exclude,
    swiftSettings: settings)
}

/// Guest programs in toy assembly, embedded as `PackageResources.NAME_asm`.
let toyPrograms = [
  "library", "hello", "fib", "sieve", "crc32", "quicksort", "bubblesort", "matmul",
  "strings", "diskcopy", "echo", "minos", "minos-process", "minos-user", "catch",
  "wild-store", "forge-psw", "spin", "jump-garbage", "trap-storm", "trap-flood", "device-abuse", "smc",
  "pt-attack", "clock-storm", "nano",
  "popf-probe", "jrst-probe", "leaky-probe",
]

let package = Package(
  name: "Triad",
  products: [
    .executable(name: "triad", targets: ["triad"]),
    .library(
      name: "Triad",
      targets: [
        "Trace", "MachineCore", "ToyISA", "Simulator", "Emulator", "Virtualizer", "X86Backend",
        "Properties", "Debugger", "Grading", "Mutants", "TriadCommands",
      ]),
    // What the labs' own tests judge with.
    .library(name: "TriadGrading", targets: ["Grading"]),
    // All that a program around a student's files may link: no engine, so none can be borrowed.
    .library(name: "TriadContracts", targets: ["Trace", "MachineCore", "ToyISA"]),
  ],
  targets: [
    library("Trace"),
    library("MachineCore", ["Trace"]),
    library(
      "ToyISA", ["MachineCore", "Trace"],
      resources: toyPrograms.map { .embedInCode("Programs/\($0).asm") }),
    library("Simulator", ["MachineCore", "Trace"]),
    .target(name: "CBench"),
    library("Emulator", ["CBench", "ToyISA", "MachineCore", "Trace"]),
    library("Virtualizer", ["ToyISA", "MachineCore", "Trace"]),
    .target(name: "CKVM"),
    library(
      "X86Backend", ["CKVM", "MachineCore", "Trace"],
      exclude: ["Workloads/Programs", "Workloads/Images/compiler.txt", "Workloads/Images/boot-sector.bin"],
      resources: [
        .embedInCode("Workloads/Images/real16.bin"), .embedInCode("Workloads/Images/protected32.elf"),
        .embedInCode("Workloads/Images/long64.elf"), .embedInCode("Workloads/Images/work16.bin"),
        .embedInCode("Workloads/Images/work32.elf"), .embedInCode("Workloads/Images/work64.elf"),
        .embedInCode("Workloads/Images/timer-rom.bin"), .embedInCode("Workloads/Images/minos64.elf"),
        .embedInCode("Workloads/Images/nano64.elf"),
      ]),
    library(
      "Properties", ["ToyISA", "X86Backend", "Simulator", "Emulator", "Virtualizer", "MachineCore", "Trace"]),
    library("Debugger", ["Properties", "ToyISA", "X86Backend", "MachineCore", "Trace"]),
    .target(name: "CConfine"),
    library(
      "Grading",
      ["CConfine", "Properties", "Mutants", "Virtualizer", "ToyISA", "X86Backend", "MachineCore", "Trace"]),
    library(
      "TriadCommands",
      [
        "Debugger", "Grading", "Properties", "Mutants", "ToyISA", "X86Backend", "Simulator", "Emulator",
        "Virtualizer",
        "MachineCore", "Trace",
      ],
      resources: ["report.html", "report.css", "stream.js", "lanes.js", "tables.js", "report.js"]
        .map { .embedInCode("Report/\($0)") }),
    .target(
      name: "Mutants",
      dependencies: [
        "Properties", "ToyISA", "X86Backend", "Simulator", "Emulator", "Virtualizer", "MachineCore", "Trace",
      ], path: "Tests/Mutants", swiftSettings: settings),
    .executableTarget(name: "triad", dependencies: ["TriadCommands"], swiftSettings: settings),
    tests("TraceTests"),
    tests("MachineCoreTests"),
    tests("ToyISATests"),
    tests("SimulatorTests"),
    tests("EmulatorTests"),
    tests("VirtualizerTests"),
    tests("X86BackendTests"),
    tests("PropertiesTests"),
    tests("DebuggerTests"),
    tests("GradingTests"),
    tests("TriadCommandsTests"),
    tests("EquivalenceTests"),
  ]
)
