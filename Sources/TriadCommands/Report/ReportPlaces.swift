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
  /// - Parameter base: the relocation register.
  func address(of record: TraceRecord, base: UInt64) -> UInt64? {
    guard case .toy(let image, _, _) = workload.machine else { return record.pc }
    for candidate in [record.pc &+ base, record.pc] {
      guard let address = UInt32(exactly: candidate),
        let segment = image.segments.last(where: { $0.address <= address })
      else { continue }
      let start = Int(address - segment.address)
      let end = start + record.bytes.count
      guard end <= segment.bytes.count else { continue }
      // Of a record without an instruction only the address is known, and under page tables not even that.
      if record.bytes.count == 0 {
        if record.mode == 0 || base != 0 { return candidate }
      } else if segment.bytes[start..<end].elementsEqual(record.bytes.array) {
        return candidate
      }
    }
    return nil
  }

  /// Symbol and line, and the line's text.
  func place(of record: TraceRecord, base: UInt64) -> (name: String?, source: String?) {
    guard let address = address(of: record, base: base) else { return (nil, nil) }
    return (workload.location(of: address), workload.sourceLine(of: address))
  }
}
