import X86Backend

struct HostDeviation {
  var id: String, behaviour: String, manual: String, expected: String, seen: String
  var conforms: Bool
}
enum HostDeviations { static let measured: [HostDeviation] = [] }
