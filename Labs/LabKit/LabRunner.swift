internal import MachineCore
internal import ToyISA
package import Trace

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// The program around a student's units: reads a program image, runs it, writes the trace.
///
/// On standard input comes a line with how many instructions may retire, the bytes of storage and the variant of the
/// instruction set, and then the image. (Not as arguments: to read those, Swift wants a file that a confined program may not read.) The
/// trace goes to what standard output was at the start; whatever else prints there goes to standard error.
public enum LabRunner {
  /// Runs the program that is asked for and ends the process: 0 when the trace is complete.
  public static func main(
    instructions: any InstructionUnit.Type, traps: any TrapUnit.Type
  ) -> Never {
    let output = DescriptorOutput(dup(1))
    dup2(2, 1)
    do {
      let request = readAll(0)
      let line = request.prefix { $0 != 10 }
      let words = String(decoding: line, as: UTF8.self).split(separator: " ").map(String.init)
      guard words.count == 3, let limit = UInt64(words[0]), let memory = Int(words[1]),
        let variant = ToyVariant(rawValue: words[2])
      else {
        complain("the request does not begin with limit, storage and variant\n")
        exit(3)
      }
      let bytes = Array(request.dropFirst(line.count + 1))
      let image = try ToyImage(decoding: bytes)
      let machine = ToyMachine(memorySize: memory)
      let platform = try machine.makePlatform()
      try image.load(into: platform.memory)
      let state = ToyInstructionSet.resetState(entry: image.entry, storage: machine.memorySize)
      let engine = LabEngine(
        platform: platform, state: state, variant: variant, instructions: instructions, traps: traps)
      let header = FinalState.header(
        for: engine, level: .instructions, program: "exercise", programDigest: Digest.of(bytes),
        configurationDigest: 0)
      let writer = try TraceWriter(header, as: .binary, to: output)
      let recorder = writer.makeRecorder()
      let stop = try engine.run(RunLimits(instructions: limit), into: recorder)
      FinalState.append(stop, of: engine, to: recorder)
      recorder.flush()
      try writer.finish()
    } catch {
      complain("\(error)\n")
      exit(3)
    }
    exit(0)
  }
}

/// All bytes of a file descriptor.
package func readAll(_ descriptor: Int32) -> [UInt8] {
  var result: [UInt8] = []
  var part = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(descriptor, &part, part.count)
    if count < 0, errno == EINTR { continue }
    guard count > 0 else { return result }
    result += part[..<count]
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

/// Bytes of a trace to a file descriptor.
package final class DescriptorOutput: TraceOutput {
  private let descriptor: Int32

  package init(_ descriptor: Int32) { self.descriptor = descriptor }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(TraceError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = systemWrite(descriptor, rest.base.baseAddress! + rest.startIndex, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { exit(3) }
      rest = rest.dropFirst(count)
    }
  }

  package func finish() throws(TraceError) {}
}

package func complain(_ text: String) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let count = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    guard count > 0 else { return }
    bytes = bytes.dropFirst(count)
  }
}
