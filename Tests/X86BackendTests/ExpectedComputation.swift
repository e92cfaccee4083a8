import X86Backend

/// The computations once more, by other means than the C sources where there are any.
enum ExpectedComputation {
  /// Marsaglia's xorshift32.
  struct Generator {
    var x: UInt32 = 2_463_534_242

    mutating func next() -> UInt32 {
      x ^= x << 13
      x ^= x >> 17
      x ^= x << 5
      return x
    }
  }

  static func result(of computation: X86Computation, rounds: UInt32) -> UInt32 {
    var random = Generator()
    var data: [UInt32] = []
    var sum: UInt32 = 0
    for round in 0..<rounds {
      let value: UInt32 =
        switch computation {
        case .sieve: primes(below: 8000 + Int(round & 127))
        case .crc: crc(round, &data, &random)
        case .sort: sort(&random)
        case .matrix: matrix(round, &data, &random)
        case .fibonacci: round & 1 == 0 ? 987 : 1597
        case .search: search(round, &data, &random)
        case .sha: SHA256.firstWord((0..<256).map { _ in random.next() })
        case .bytecode: collatz(1 + (round & 63) * 8)
        case .records: records(round, &random)
        }
      sum = (sum << 5 | sum >> 27) ^ value
    }
    return sum
  }

  private static func primes(below limit: Int) -> UInt32 {
    // Trial division by the primes found so far.
    var primes: [Int] = []
    for number in 2..<limit {
      var isPrime = true
      for prime in primes {
        if prime * prime > number { break }
        if number % prime == 0 {
          isPrime = false
          break
        }
      }
      if isPrime { primes.append(number) }
    }
    return UInt32(primes.count) << 16 | UInt32(primes.last ?? 0)
  }

  private static func crc(_ round: UInt32, _ words: inout [UInt32], _ random: inout Generator) -> UInt32 {
    if round == 0 { words = (0..<1024).map { _ in random.next() } }
    words[Int(round & 1023)] = random.next()
    // Bit by bit, a word at a time.
    var remainder = ~UInt32(0)
    for word in words {
      remainder ^= word
      for _ in 0..<32 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~remainder
  }

  private static func sort(_ random: inout Generator) -> UInt32 {
    let values = (0..<1024).map { _ in random.next() }.sorted()
    return values.enumerated().reduce(0) { $0 &+ $1.element &* UInt32($1.offset + 1) }
  }

  private static func matrix(_ round: UInt32, _ data: inout [UInt32], _ random: inout Generator) -> UInt32 {
    let size = 24
    if round == 0 { data = (0..<2 * size * size).map { _ in random.next() & 0xFFFF } }
    data[Int(round) % (2 * size * size)] = random.next() & 0xFFFF
    // By rows of the second factor.
    var product = [UInt32](repeating: 0, count: size * size)
    for i in 0..<size {
      for k in 0..<size {
        let factor = data[i * size + k]
        for j in 0..<size { product[i * size + j] &+= factor &* data[size * size + k * size + j] }
      }
    }
    return product.reduce(0) { $0 &* 31 &+ $1 }
  }

  private static func search(_ round: UInt32, _ text: inout [UInt32], _ random: inout Generator) -> UInt32 {
    if round == 0 { text = (0..<4096).map { _ in random.next() >> 30 } }
    // Five letters of two bits are a number, which slides over the text.
    var keys: [UInt32] = []
    var key: UInt32 = 0
    for (index, letter) in text.enumerated() {
      key = (key << 2 | letter) & 0x3FF
      if index >= 4 { keys.append(key) }
    }
    var result: UInt32 = 0
    for _ in 0..<4 {
      let wanted = keys[Int(random.next() % 4091)]
      for (place, key) in keys.enumerated() where key == wanted { result = result &* 33 &+ UInt32(place) }
    }
    return result
  }

  private static func collatz(_ first: UInt32) -> UInt32 {
    func steps(_ number: UInt32) -> UInt32 {
      number <= 1 ? 0 : 1 + steps(number % 2 == 0 ? number / 2 : 3 * number + 1)
    }
    return (first..<first + 8).map(steps).reduce(0, +)
  }

  private static func records(_ round: UInt32, _ random: inout Generator) -> UInt32 {
    // All names are equal but for one letter, so that letters stand for them.
    var kinds = (0..<16).map { $0 % 3 }
    var values: [Int] = []
    var letters: [Int] = []
    for _ in 0..<16 {
      values.append(Int(random.next() % 1000))
      letters.append(65 + Int(random.next() >> 28))
    }
    var value = Int(round & 1023)
    for turn in 0..<40 {
      let at = turn % 16
      let next = (turn + 1) % 16
      switch kinds[at] {
      case 0:
        value += values[at]
        kinds[at] = values[at] > 100 ? 2 : 1
      case 1:
        value = value * 2 % 10007 + values[at]
        kinds[at] = values[at] % 2 != 0 ? 0 : 2
      default:
        value -= values[at] / 3
        kinds[at] = 0
      }
      if letters[at] > letters[next] {
        letters.swapAt(at, next)
        values.swapAt(at, next)
      }
    }
    var sum = UInt32(truncatingIfNeeded: value)
    for turn in 40..<56 {
      sum = sum &* 31 &+ UInt32(letters[turn % 16]) &+ UInt32(truncatingIfNeeded: values[turn % 16])
    }
    return sum
  }
}

/// SHA-256 with its constants computed instead of listed.
private enum SHA256 {
  /// The first 32 bits of the fraction of a root, found by bisection in integers.
  private static func fraction(_ number: UInt64, isCubeRoot: Bool) -> UInt32 {
    var low: UInt64 = 0
    var high: UInt64 = 1 << 38
    while high - low > 1 {
      let middle = (low + high) / 2
      // Is (middle / 2³²) to the power at most the number?
      let square = middle.multipliedFullWidth(by: middle)
      let isBelow: Bool
      if isCubeRoot {
        // middle³ < number · 2⁹⁶, with middle² in two parts and everything shifted down by 32.
        let cube = (square.high << 32 | square.low >> 32).multipliedFullWidth(by: middle)
        let rest = (square.low & 0xFFFF_FFFF).multipliedFullWidth(by: middle)
        let carries = cube.low.addingReportingOverflow(rest.high << 32 | rest.low >> 32).overflow
        isBelow = cube.high + (carries ? 1 : 0) < number
      } else {
        isBelow = square.high < number
      }
      if isBelow { low = middle } else { high = middle }
    }
    return UInt32(truncatingIfNeeded: low)
  }

  private static let primes = (2...311).filter { number in
    !(2..<number).contains { number % $0 == 0 }
  }.map { UInt64($0) }

  static func firstWord(_ words: [UInt32]) -> UInt32 {
    let rounds = primes.map { fraction($0, isCubeRoot: true) }
    var hash = primes.prefix(8).map { fraction($0, isCubeRoot: false) }
    var message = words.map(\.byteSwapped)
    let bits = UInt32(words.count * 32)
    message.append(0x8000_0000)
    while message.count % 16 != 15 { message.append(0) }
    message.append(bits)
    func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }
    for start in stride(from: 0, to: message.count, by: 16) {
      var w = Array(message[start..<start + 16])
      for i in 16..<64 {
        let s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3
        let s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10
        w.append(w[i - 16] &+ s0 &+ w[i - 7] &+ s1)
      }
      var v = hash
      for i in 0..<64 {
        let s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
        let choice = v[6] ^ v[4] & (v[5] ^ v[6])
        let first = v[7] &+ s1 &+ choice &+ rounds[i] &+ w[i]
        let s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
        let majority = (v[0] | v[1]) & v[2] | v[0] & v[1]
        v.insert(first &+ s0 &+ majority, at: 0)
        v[4] &+= first
        v.removeLast()
      }
      for i in 0..<8 { hash[i] &+= v[i] }
    }
    return hash[0]
  }
}
