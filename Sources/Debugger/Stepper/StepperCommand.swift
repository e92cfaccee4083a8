/// The commands of the stepper, in one table.
struct StepperCommand: Sendable {
  enum Verb: Sendable {
    case step, back, next, finish, resume, reverse, advance, count, event, `break`, watch, delete, info,
      print,
      set, examine, walk, list, disassemble, help, quit
  }

  var verb: Verb
  /// Names, the usual one first.
  var names: [String]
  /// What follows it.
  var usage: String
  var summary: String

  init(_ verb: Verb, _ names: [String], _ usage: String, _ summary: String) {
    self.verb = verb
    self.names = names
    self.usage = usage
    self.summary = summary
  }

  static let all: [StepperCommand] = [
    .init(.step, ["stepi", "si", "step", "s"], "[N]", "one instruction, or a trap to its handler"),
    .init(.back, ["back", "reverse-stepi", "rsi", "reverse-step", "rs"], "[N]", "one step back"),
    .init(.next, ["next", "n", "nexti", "ni"], "[N]", "a step, a call as one"),
    .init(.finish, ["finish", "fin"], "", "to behind the procedure's return"),
    .init(.resume, ["continue", "c"], "", "to a break- or watchpoint"),
    .init(.reverse, ["reverse-continue", "rc"], "", "back to a break- or watchpoint"),
    .init(.advance, ["advance", "until", "u"], "PLACE", "to a place"),
    .init(.count, ["goto"], "N", "to a count of instructions, forward or back"),
    .init(.event, ["event"], "KIND [N]", "to a trap, interrupt, device access, exit"),
    .init(.break, ["break", "b", "tbreak", "tb"], "PLACE [if EXPR]", "stop before an instruction"),
    .init(.watch, ["watch", "rwatch", "awatch"], "REG|ADDR[,BYTES]", "stop after a change, load, access"),
    .init(.delete, ["delete", "d"], "[N]", "remove one point, or all"),
    .init(.info, ["info", "i"], "registers|all|breakpoints|exits|engines", "show these"),
    .init(.print, ["print", "p"], "EXPR", "a value"),
    .init(.set, ["set"], "REG = EXPR", "a register, or byte|half|word|quad(ADDR)"),
    .init(.examine, ["x"], "/N[b|h|w|g|i|s] ADDR", "memory"),
    .init(.walk, ["walk"], "ADDR", "how an address is translated"),
    .init(.list, ["list", "l"], "[PLACE]", "source lines"),
    .init(.disassemble, ["disassemble", "disas"], "[PLACE]", "instructions"),
    .init(.help, ["help", "h"], "", "this"),
    .init(.quit, ["quit", "q", "exit"], "", "end"),
  ]

  static func named(_ name: String) -> StepperCommand? { all.first { $0.names.contains(name) } }
}
