// swift-tools-version: 6.2
// The course assignments. `LabKit` is what students' files may use; each lab is a module with the
// student's files, a program around it that grading runs, and tests that students run.

import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

let strict =
  settings + [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
  ]
let contracts = Target.Dependency.product(name: "TriadContracts", package: "Triad")

/// A module that programs around students' files are made of.
func kit(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies + [contracts], path: name, swiftSettings: strict)
}

/// A module in C that programs around students' files are made of.
func bridge(_ name: String) -> Target { .target(name: name, path: name) }

/// The targets of a lab whose files are a program; everything is in the folder of its name.
///
/// - Parameters:
///   - modules: what the program around them needs beside `LabKit`.
///   - given: what of that the files themselves may import.
///   - others: the students' files that are no Swift.
func lab(
  _ name: String, _ modules: [Target.Dependency] = [], given: [Target.Dependency] = [], others: [String] = []
) -> [Target] {
  [
    .target(
      name: name, dependencies: ["LabKit", contracts] + given, path: "\(name)/Sources", exclude: others,
      swiftSettings: settings),
    .executableTarget(
      name: "\(name)Runner", dependencies: ["LabKit", .target(name: name)] + modules + given,
      path: "\(name)/Runner", swiftSettings: settings),
  ]
}

let labs: [[Target]] = [
  lab("Lab01", ["LabTraps"]),
  lab("Lab02", ["LabInstructions"]),
  lab("Lab04", given: ["LabHardware"]),
  lab("Lab06", ["LabMonitor"], given: ["LabHardware", "LabInterpreter"], others: ["answers.csv"]),
  lab("Lab07", ["LabMonitor"], given: ["LabHardware"], others: ["answers.csv"]),
  lab("Lab08", given: ["LabKVM", "KVMInterface"]),
]

let package = Package(
  name: "Labs",
  dependencies: [.package(name: "Triad", path: "..")],
  targets: [
    kit("LabKit"),
    // What is given in some labs and to be written in others is in modules of its own: what is not linked
    // cannot be borrowed.
    kit("LabTraps", ["LabKit"]),
    kit("LabInstructions", ["LabKit"]),
    // Bare hardware as a VMM sees it, and the frame around a VMM; a VMM; an interpreter for virtual machines.
    kit("LabHardware", ["LabKit"]),
    kit("LabMonitor", ["LabKit", "LabHardware"]),
    kit("LabInterpreter", ["LabKit", "LabHardware"]),
    // KVM's constants and structures, the calls of a host, and KVM as labs see it, live or recorded.
    bridge("KVMInterface"),
    bridge("LabKVMHost"),
    kit("LabKVM", ["KVMInterface", "LabKVMHost"]),
  ] + labs.flatMap { $0 } + [
    // Judges the labs' programs as processes of their own, so it links none of them.
    .testTarget(
      name: "LabTests", dependencies: [.product(name: "TriadGrading", package: "Triad")], path: "Tests",
      swiftSettings: settings)
  ]
)
