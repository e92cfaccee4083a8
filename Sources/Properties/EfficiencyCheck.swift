internal import MachineCore
internal import ToyISA
public import Trace
internal import Virtualizer

/// What a VMM carried out itself, by instruction, with the class of each.
public struct InterpretedInstructions: Sendable {
  /// How often each instruction was interpreted, by mnemonic.
  public private(set) var counts: [String: UInt64] = [:]
  /// The innocuous ones among them, with an address where each was met.
  public private(set) var innocuous: [String: UInt64] = [:]
  /// How many instructions of virtual supervisor code a hybrid VMM interpreted.
  public private(set) var supervisorCode: UInt64 = 0
  /// Whether classes are known for the instruction set.
  public let isClassified: Bool

  private let isa: ToyInstructionSet?
  private let classes: [InstructionClass]

  /// Nothing yet, for a workload's instruction set.
  public init(_ workload: Workload) {
    if case .toy(_, _, let variant) = workload.machine {
      isa = ToyInstructionSet(variant)
      classes = Self.toyClasses[variant] ?? []
    } else {
      isa = nil
      classes = []
    }
    isClassified = isa != nil
  }

  private static let toyClasses: [ToyVariant: [InstructionClass]] = Dictionary(
    uniqueKeysWithValues: ToyVariant.allCases.map {
      ($0, StaticClassification(of: $0).classes)
    })

  /// Takes note of an `emulate` record.
  public mutating func add(_ record: TraceRecord) {
    guard record.kind == EventKind.emulate.rawValue, let isa,
      case .instruction(let decoded) = isa.decode(record.bytes, context: 0)
    else { return }
    let name = isa.definitions[decoded.definition].mnemonic
    counts[name, default: 0] += 1
    if record.code == VirtualMachineMonitor.interpretedCode, record.mode == 0 {
      supervisorCode += 1
      return
    }
    if classes[decoded.definition].innocuous, innocuous[name] == nil { innocuous[name] = record.pc }
  }
}

/// Efficiency: every innocuous instruction runs directly on the hardware, without the VMM's help.
public enum EfficiencyCheck {
  /// Above this share of instructions interpreted by the host's kernel, a KVM guest does not count as
  /// directly executed; what must be interpreted anyway (port I/O and the like) stays far below.
  public static let kernelShare = 0.05

  /// The verdict on an engine.
  ///
  /// - Parameter retired: the run's instruction count, from an engine that can count.
  public static func verdict(
    _ report: EngineReport, retired: UInt64, interpreted: InterpretedInstructions
  ) -> Verdict {
    guard report.kind == .virtualizer else {
      return .notApplicable("interprets every instruction: nothing runs directly")
    }
    if interpreted.isClassified {
      if let (name, pc) = interpreted.innocuous.min(by: { $0.key < $1.key }) {
        return .fail("the innocuous instruction `\(name)` was interpreted, first at \(hex(pc))")
      }
      guard interpreted.supervisorCode == 0 else {
        return .passExcept([
          "the hybrid construction interprets all virtual supervisor code: \(interpreted.supervisorCode) instructions"
        ])
      }
      return .pass
    }
    guard let emulated = report.statistics.kernelEmulated else {
      return .notAssessed("the host's kernel does not count the instructions that it interprets")
    }
    guard retired > 0 else { return .notAssessed("no engine of this comparison counts instructions") }
    let share = min(1, Double(emulated) / Double(retired))
    if share <= kernelShare { return .pass }
    let percent = (share * 1000).rounded() / 10
    return .hostDeviation(
      "the host's kernel (\(report.flavour)) interpreted \(percent) % of the instructions: a hybrid virtual machine"
    )
  }

  /// The share of instructions that ran directly; `nil` where it is not known.
  public static func directFraction(_ report: EngineReport, retired: UInt64) -> Double? {
    guard report.kind == .virtualizer, retired > 0 else { return nil }
    if let emulated = report.statistics.kernelEmulated {
      return 1 - min(1, Double(emulated) / Double(retired))
    }
    return report.statistics.retired > 0
      ? Double(report.statistics.direct) / Double(report.statistics.retired) : nil
  }
}
