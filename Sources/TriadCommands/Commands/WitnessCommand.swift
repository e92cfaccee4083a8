import Foundation
import MachineCore
import Properties
import ToyISA
import X86Backend

let witnessCommand = CommandSpecification(
  name: "witness", summary: "Replay witnesses of a classification on simulator and emulator.",
  arguments: [
    ArgumentSpecification(name: "FILE", help: "as `triad classify --witnesses` writes", count: 1...10_000)
  ],
  options: [
    OptionSpecification("--host", "also in ring 3 of this host's processor (x86, 64-bit mode)"), jsonOption,
  ],
  examples: [
    "triad witness witnesses/popf-setie-control-in-supervisor-mode.json",
    "triad witness --host witnesses/x86-64-sgdt-ring3-globalTable.json",
  ],
  run: { arguments, terminal in
    var outputs: [WitnessOutput] = []
    let replayer = try X86WitnessReplayer()
    for path in arguments.positional {
      do {
        switch try readWitness(path) {
        case .toy(let witness):
          let replays = try [EngineKind.simulator, .emulator].map { try WitnessReplay(witness, on: $0) }
          outputs.append(WitnessOutput(path, witness, replays))
          if !arguments.has("--json") { show(path, witness, replays, terminal) }
        case .x86(let witness):
          let replays = try replayer.replay(witness)
          let host = arguments.has("--host") ? try X86HostWitness(witness) : nil
          outputs.append(WitnessOutput(path, witness, replays, host))
          if !arguments.has("--json") { show(path, witness, replays, host, terminal) }
        }
      } catch let error as WitnessError {
        throw CommandFailure.badInput("`\(path)`: \(error)")
      } catch let refusal as EngineRefusal {
        throw CommandFailure(
          status: refusal.isHostLack ? .hostLacks : .badInput, message: refusal.description)
      }
    }
    if arguments.has("--json") { terminal.line(try jsonText(outputs)) }
    return outputs.allSatisfy(\.holds) ? .success : .failure
  })

private enum AnyWitness {
  case toy(Witness)
  case x86(X86Witness)
}

/// Reads a document of either instruction set.
private func readWitness(_ path: String) throws -> AnyWitness {
  struct Head: Decodable {
    var isa: String
  }
  do {
    let data = Data(try readFile(path))
    let decoder = JSONDecoder()
    return try decoder.decode(Head.self, from: data).isa == "x86"
      ? .x86(try decoder.decode(X86WitnessDocument.self, from: data).witness())
      : .toy(try decoder.decode(WitnessDocument.self, from: data).witness())
  } catch let failure as CommandFailure {
    throw failure
  } catch let error as WitnessError {
    throw error
  } catch {
    throw CommandFailure.badInput("`\(path)` is no witness: \(decodingReason(error))")
  }
}

/// What is wrong with a document, and where.
private func decodingReason(_ error: any Error) -> String {
  guard let error = error as? DecodingError else { return error.localizedDescription }
  let context: DecodingError.Context
  switch error {
  case .keyNotFound(let key, _): return "there is no `\(key.stringValue)`"
  case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
  @unknown default: return error.localizedDescription
  }
  let place = context.codingPath.map(\.stringValue).joined(separator: ".")
  return place.isEmpty ? "it is no JSON" : "`\(place)` is not of the right kind"
}

private func show(_ path: String, _ witness: Witness, _ replays: [WitnessReplay], _ terminal: Terminal) {
  terminal.line(
    "\(path): `\(witness.instruction)` on toy \(witness.variant.rawValue): \(witness.shows.name)")
  terminal.line("  " + difference(witness))
  for replay in replays {
    let word = replay.holds ? terminal.styled("holds", .green) : terminal.styled("does NOT hold", .red)
    terminal.line("  \(replay.engine.rawValue): \(word)")
    for outcome in replay.outcomes { terminal.line("    " + outcome) }
  }
}

private func show(
  _ path: String, _ witness: X86Witness, _ replays: [X86WitnessReplay], _ host: X86HostWitness?,
  _ terminal: Terminal
) {
  terminal.line("\(path): `\(witness.instruction)`, \(witness.mode.rawValue)-bit mode: \(witness.shows)")
  let axis = witness.axis.joined(separator: ", ")
  switch witness.reason {
  case .control: terminal.line("  it changes \(axis):")
  case .device: break
  default: terminal.line("  two states that differ in \(axis):")
  }
  for replay in replays {
    let word = replay.holds ? terminal.styled("holds", .green) : terminal.styled("does NOT hold", .red)
    terminal.line("  \(replay.engine.rawValue): \(word)")
    for outcome in replay.outcomes { terminal.line("    " + outcome) }
  }
  if let host { terminal.line("  host: " + answer(host, terminal)) }
}

/// What `triad witness --json` prints, one for each file.
private struct WitnessOutput: Encodable {
  struct Replay: Encodable {
    var engine: String
    var holds: Bool
    var outcomes: [String]
  }

  var file: String
  var isa: String
  var instruction: String
  var variant: String?
  var mode: Int?
  var shows: String
  var axis: String
  var replays: [Replay]
  var host: X86ClassifyOutput.Host?

  /// All engines bear it out. What a host does otherwise says something of the host, not of the witness.
  var holds: Bool { replays.allSatisfy(\.holds) }

  init(_ path: String, _ witness: Witness, _ replays: [WitnessReplay]) {
    file = path
    isa = "toy"
    instruction = witness.instruction
    variant = witness.variant.rawValue
    shows = witness.shows.name
    axis = witness.axis
    self.replays = replays.map {
      Replay(engine: $0.engine.rawValue, holds: $0.holds, outcomes: $0.outcomes)
    }
  }

  init(_ path: String, _ witness: X86Witness, _ replays: [X86WitnessReplay], _ host: X86HostWitness?) {
    file = path
    isa = "x86"
    instruction = witness.instruction
    mode = witness.mode.rawValue
    shows = witness.shows
    axis = witness.axis.joined(separator: ", ")
    self.replays = replays.map {
      Replay(engine: $0.engine.rawValue, holds: $0.holds, outcomes: $0.outcomes)
    }
    self.host = host.map(X86ClassifyOutput.Host.init)
  }
}
