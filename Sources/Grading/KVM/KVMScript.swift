internal import Foundation
internal import MachineCore
internal import Properties
internal import X86Backend

/// A run that a student's program is asked for: the lines of the request, and what is known of it.
package struct KVMScript: Sendable {
  /// `real` or `protected`.
  package private(set) var mode = "real"
  package private(set) var memorySize = 0
  package private(set) var address: UInt64 = 0
  package private(set) var image: [UInt8] = []
  package private(set) var input: [UInt8] = []
  /// Exits of a recording; empty when the run is to be a real one.
  package private(set) var exits: [KVMExit] = []
  /// The call that the recording's host refuses, or whose result the program must refuse; `nil` for most.
  package private(set) var refusedCall: String?
  /// What the program gets.
  package let text: String

  /// Reads a recording.
  ///
  /// - Throws: ``SubmissionError`` when a line makes no sense.
  package init(_ text: String) throws(SubmissionError) {
    self.text = text
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      let word = words.count > 1 ? words[1] : ""
      switch words.first {
      case "mode": mode = word
      case "memory": memorySize = Int(word) ?? 0
      case "address": address = UInt64(word, radix: 16) ?? 0
      case "image": image = hexBytes(word)
      case "input": input = hexBytes(word)
      case "exit":
        guard let exit = KVMExit(words: Array(words.dropFirst())) else {
          throw SubmissionError(description: "recording: `\(line.prefix(80))` makes no sense")
        }
        exits.append(exit)
      case "version": refusedCall = "KVM_GET_API_VERSION"
      case "open-error": refusedCall = "open"
      case "create-error": refusedCall = "KVM_CREATE_VM"
      default: break
      }
    }
  }

  /// A guest with a number and input from a seed, to be run for real.
  ///
  /// - Parameter program: the guest's bytes, as its source gives them.
  package init(guest: String, program: [UInt8], seed: UInt64) throws(SubmissionError) {
    guard program.count > 8 else { throw SubmissionError(description: "the guest `\(guest)` is empty") }
    var random = SplitMix(
      state: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(guest.utf8.reduce(0) { $0 + Int($1) }))
    var image = program
    let number = UInt32(truncatingIfNeeded: random.next())
    for index in 0..<4 { image[4 + index] = UInt8(truncatingIfNeeded: number >> UInt32(8 * index)) }
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    var input = (0..<12).map { _ in random.pick(letters) }
    if guest == "echo" { input = input.prefix(6 + random.below(6)) + [10] }
    let text = """
      mode \(guest == "protected" ? "protected" : "real")
      memory 524288
      address 1000
      image \(hexString(image))
      input \(hexString(input))
      backend live

      """
    try self.init(text)
  }

  /// What the guest prints and how it ends on Triad's own emulator, with the same devices.
  ///
  /// - Returns: `nil` when it does not halt.
  package func emulated() throws -> [UInt8]? {
    let machine = X86Machine(
      mode: mode == "protected" ? .protected32 : .real16, entry: address,
      segments: [LoadSegment(address: address, bytes: image)], memorySize: 2 << 20, input: input)
    let engine = try Workload(name: "guest", machine: .x86(machine)).makeEngine(.emulator)
    try engine.platform.attach(AdderDevice(), .port, at: KVMDevices.adder..<(KVMDevices.adder + 4))
    let stop = try engine.run(RunLimits(instructions: 1_000_000), into: nil)
    guard case .idle = stop else { return nil }
    return engine.platform.console
  }
}
