// swift-tools-version: 6.2
// The course assignments. `LabKit` is what students' files may use; each lab is a module with the
// student's files, a program around it that grading runs, and tests that students run.

import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// The targets of a lab; everything is in the folder of its name.
func lab(_ name: String) -> [Target] {
  let contracts = Target.Dependency.product(name: "TriadContracts", package: "Triad")
  return [
    .target(
      name: name, dependencies: ["LabKit", contracts], path: "\(name)/Sources", swiftSettings: settings),
    .executableTarget(
      name: "\(name)Runner", dependencies: ["LabKit", .target(name: name)], path: "\(name)/Runner",
      swiftSettings: settings),
  ]
}

let package = Package(
  name: "Labs",
  dependencies: [.package(name: "Triad", path: "..")],
  targets: [
    .target(
      name: "LabKit", dependencies: [.product(name: "TriadContracts", package: "Triad")], path: "LabKit",
      swiftSettings: settings + [
        .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"), .enableUpcomingFeature("MemberImportVisibility"),
      ])
  ] + ["Lab01"].flatMap { lab($0) }
)
