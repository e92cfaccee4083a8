import MachineCore
import Properties
import ToyISA
import Trace

/// Where records stand in a program: code at a virtual address may be of another place than the address says.
struct ReportPlaces {
  private let workload: Workload

  init(_ workload: Workload) { self.workload = workload }

  /// The program's own address of a record's instruction; `nil` where other code stands by now.
  ///
  /// - Parameter base: the relocation register; `nil` under page tables.
  func address(of record: TraceRecord, base: UInt64?) -> UInt64? {
    guard case .toy(let image, _, _) = workload.machine else { return record.pc }
    let candidate = record.pc &+ (base ?? 0)
    guard let address = UInt32(exactly: candidate),
      let segment = image.segments.last(where: { $0.address <= address })
    else { return nil }
    let start = Int(address - segment.address)
    let end = start + record.bytes.count
    guard end <= segment.bytes.count else { return nil }
    // Of a record without an instruction only the address is known, and under page tables not even that.
    if record.bytes.count == 0 { return base == nil ? nil : candidate }
    return segment.bytes[start..<end].elementsEqual(record.bytes.array) ? candidate : nil
  }

  /// Symbol and line, and the line's text.
  func place(of record: TraceRecord, base: UInt64?) -> (name: String?, source: String?) {
    guard let address = address(of: record, base: base) else { return (nil, nil) }
    return (workload.location(of: address), workload.sourceLine(of: address))
  }
}

/// Follows the registers that say where code really stands.
struct ReportRelocation {
  private let base: UInt32?
  private let paging: UInt32?
  private var values: [UInt32: UInt64] = [:]

  /// The registers of a machine by name, with their first values; none for instruction sets without them.
  init(_ registers: [String], _ initial: [UInt64], isUsed: Bool) {
    func number(_ name: String) -> UInt32? {
      isUsed ? registers.firstIndex(of: name).map { UInt32($0) } : nil
    }
    (base, paging) = (number("base"), number("pg"))
    for register in [base, paging].compactMap(\.self) { values[register] = initial[Int(register)] }
  }

  mutating func take(_ effect: TraceRecord) {
    if effect.kind == EventKind.registerWrite.rawValue, values[effect.code] != nil {
      values[effect.code] = effect.value
    }
  }

  /// What is added to addresses of code; `nil` under page tables.
  var offset: UInt64? {
    if let paging, values[paging] != 0 { return nil }
    return base.flatMap { values[$0] } ?? 0
  }
}
