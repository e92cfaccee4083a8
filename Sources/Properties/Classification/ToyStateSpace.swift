internal import MachineCore
internal import ToyISA

/// The forms of toy instructions and the states of the small machine that the search goes through.
struct ToyStateSpace {
  /// What two states of a pair differ in.
  enum Axis: String, CaseIterable {
    case mode, base, bound, paging
    case interruptEnable = "interrupt enable"
    case time, device

    /// The axis' bit in a point; the first five axes are crossed in every combination.
    var bit: UInt8 {
      switch self {
      case .mode: 1
      case .base: 2
      case .bound: 4
      case .paging: 8
      case .interruptEnable: 16
      case .time: 32
      case .device: 64
      }
    }

    /// The kinds of sensitivity that a difference shows, in supervisor mode and in user mode.
    func shows(user: Bool) -> Sensitivity {
      switch self {
      case .mode: .mode
      case .base, .bound, .paging: user ? .userLocation : .supervisorLocation
      case .interruptEnable, .time, .device: user ? .userResource : .supervisorResource
      }
    }
  }

  /// One state by its coordinates: a bit for each axis, and which data.
  struct Point {
    var bits: UInt8 = 0
    var data = 0

    /// Whether the point is on the far side of an axis.
    func contains(_ axis: Axis) -> Bool { bits & axis.bit != 0 }

    /// The point on the other side of an axis.
    func crossing(_ axis: Axis) -> Point { Point(bits: bits ^ axis.bit, data: data) }

    /// Number of the point in ``ToyStateSpace/points``, while time and devices are on the near side.
    var index: Int { data << 5 | Int(bits) }
  }

  /// Values of registers 1 and 2, with the words that the window holds besides the instruction.
  private static let data: [(UInt64, UInt64, [UInt32])] = {
    let psw: [UInt32] = [0, 0x40, UInt32(ToySmallMachine.places[0]), 0x80]
    let other: [UInt32] = [7, 0x20, 0x2004, 0xFFF_FFFF]
    return [
      (0, 0, psw), (0x20, 3, psw), (1, 0x40, psw), (0x8000_0000, 1, psw), (0x20, 0x20, other),
      (0x21, 0x8000_0000, other),
    ]
  }()

  /// All points; time and devices are crossed one at a time, the other axes in every combination.
  static let points: [Point] = data.indices.flatMap { number in
    (0..<32).map { Point(bits: $0, data: number) }
  }

  /// The words that stand for all forms of an instruction: registers apart and the same, and immediates that lead
  /// inside the window, outside, and to every device.
  static func words(of row: Int) -> [UInt32] {
    let ports = [
      ToyPort.consoleData, ToyPort.consoleStatus, ToyPort.timer, ToyPort.diskStatus, ToyPort.power,
    ]
    let values: [[Int64]] =
      switch toyTable[row].format {
      case .none: [[]]
      case .rd: [[3], [1]]
      case .rs: [[1], [2]]
      case .rdRsRs: [[3, 1, 2], [1, 1, 1]]
      case .rdRsSigned: [[3, 1, 4], [1, 2, -1]]
      case .rdRsUnsigned: [[3, 1, 4], [1, 2, 0xFFFF]]
      case .rdRsShift: [[3, 1, 3], [1, 2, 31]]
      case .rdUpper: [[3, 1], [3, 0x80000]]
      case .rdMemory, .rsMemory: [[3, 1, 0x20], [2, 1, 0], [3, 0, 0x7C]]
      case .memory: [[1, 0x20], [1, 0], [2, 0]]
      case .rdRsIndirect: [[3, 2, 1], [1, 2, 1]]
      case .branch: [[1, 2, 8], [1, 1, -4]]
      case .rdTarget: [[3, 8], [0, -4]]
      case .immediate: [[0], [5]]
      case .rdPort, .rsPort: ports.map { [3, 0, Int64($0)] } + [[3, 1, 0]]
      }
    return values.compactMap { ToyCodec.encode(row: row, $0) }
  }

  /// Where the window of a point is in physical storage.
  static func window(of point: Point) -> UInt64 { ToySmallMachine.places[point.contains(.base) ? 1 : 0] }

  /// Console input of a point's machine.
  static func input(of point: Point) -> [UInt8] { point.contains(.device) ? [0x42] : [0x41] }

  /// The state at a point with this instruction to be executed next.
  static func state(at point: Point, word: UInt32) -> MachineState {
    let (first, second, words) = data[point.data]
    let window = window(of: point)
    var registers = [UInt64](repeating: 0, count: ToyRegister.table.count)
    registers[1] = first
    registers[2] = second
    registers[3] = 7
    registers[Int(ToyRegister.mode)] = point.contains(.mode) ? 1 : 0
    registers[Int(ToyRegister.interruptEnable)] = point.contains(.interruptEnable) ? 1 : 0
    registers[Int(ToyRegister.base)] = window
    registers[Int(ToyRegister.bound)] = point.contains(.bound) ? 0x100 : 0x80
    var table: [UInt64: UInt64] = [:]
    if point.contains(.paging) {
      registers[Int(ToyRegister.paging)] = 1
      // The page is in the TLB, accessed and dirty: no access walks the tables.
      table[0] = window | 0x7F
    }
    var bytes = [UInt8](repeating: 0, count: ToySmallMachine.windowSize)
    func put(_ word: UInt32, _ place: Int) {
      for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
    }
    put(word, 0)
    for (index, word) in words.enumerated() {
      put(word, 0x20 + 4 * index)
      put(word, 0x40 + 4 * index)
    }
    return MachineState(
      processor: ProcessorState(registers: registers, auxiliaries: [table]),
      storage: ToySmallMachine.trapStorage + [.init(window, bytes)],
      time: point.contains(.time) ? 1000 : 0, input: input(of: point))
  }
}
