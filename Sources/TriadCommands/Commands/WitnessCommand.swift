import Foundation
import MachineCore
import Properties
import ToyISA

let witnessCommand = CommandSpecification(
  name: "witness", summary: "Replay witnesses of a classification on simulator and emulator.",
  arguments: [
    ArgumentSpecification(name: "FILE", help: "as `triad classify --witnesses` writes", count: 1...10_000)
  ],
  options: [jsonOption],
  examples: ["triad witness witnesses/popf-setie-control-in-supervisor-mode.json"],
  run: { arguments, terminal in
    var outputs: [WitnessOutput] = []
    for path in arguments.positional {
      let document: WitnessDocument
      do {
        document = try JSONDecoder().decode(WitnessDocument.self, from: Data(try readFile(path)))
      } catch let failure as CommandFailure {
        throw failure
      } catch {
        throw CommandFailure.badInput("`\(path)` is no witness: \(decodingReason(error))")
      }
      do {
        let witness = try document.witness()
        let replays = try [EngineKind.simulator, .emulator].map { try WitnessReplay(witness, on: $0) }
        outputs.append(WitnessOutput(path, witness, replays))
        if !arguments.has("--json") { show(path, witness, replays, terminal) }
      } catch let error as WitnessError {
        throw CommandFailure.badInput("`\(path)`: \(error)")
      }
    }
    if arguments.has("--json") { terminal.line(try jsonText(outputs)) }
    return outputs.allSatisfy { $0.replays.allSatisfy(\.holds) } ? .success : .failure
  })

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

/// What `triad witness --json` prints, one for each file.
private struct WitnessOutput: Encodable {
  struct Replay: Encodable {
    var engine: String
    var holds: Bool
    var outcomes: [String]
  }

  var file: String
  var instruction: String
  var variant: String
  var shows: String
  var axis: String
  var replays: [Replay]

  init(_ path: String, _ witness: Witness, _ replays: [WitnessReplay]) {
    file = path
    instruction = witness.instruction
    variant = witness.variant.rawValue
    shows = witness.shows.name
    axis = witness.axis
    self.replays = replays.map {
      Replay(engine: $0.engine.rawValue, holds: $0.holds, outcomes: $0.outcomes)
    }
  }
}
