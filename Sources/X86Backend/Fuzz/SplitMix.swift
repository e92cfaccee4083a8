/// The SplitMix64 generator (Steele, Lea and Flood 2014): small, and seeded by any number.
package struct SplitMix: RandomNumberGenerator, Sendable {
  /// What the next number comes from.
  package var state: UInt64

  /// A generator from a seed.
  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number from 0 below `bound`, which is positive.
  package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// True in that many of a hundred cases.
  package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  /// True in one of that many cases.
  package mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  /// One of the values, which are some.
  package mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
}
