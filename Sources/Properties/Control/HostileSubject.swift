public import MachineCore
internal import Virtualizer

/// An engine that hostile guests attack.
public struct HostileSubject: Sendable {
  /// Name for tables.
  public var name: String
  /// Makes a fresh one with a workload.
  public var make: @Sendable (Workload) throws -> any Engine

  /// Every engine that can have the guest: those that claim control, and the software ones, which must not be harmed.
  public static func all(for guest: HostileGuest) -> [HostileSubject] {
    guard guest.workload.isa == "toy" else { return EngineKind.allCases.map { plain($0) } }
    return [
      plain(.simulator), plain(.emulator),
      HostileSubject(name: "vmm") { try $0.makeEngine(.virtualizer) },
      HostileSubject(name: "vmm depth 2") { try $0.makeEngine(.virtualizer, depth: 2) },
      HostileSubject(name: "vmm depth 3") { try $0.makeEngine(.virtualizer, depth: 3) },
      HostileSubject(name: "hybrid vmm") { try $0.makeEngine(.virtualizer, construction: .hybrid) },
    ]
  }

  private static func plain(_ kind: EngineKind) -> HostileSubject {
    HostileSubject(name: kind.rawValue) { try $0.makeEngine(kind) }
  }
}
