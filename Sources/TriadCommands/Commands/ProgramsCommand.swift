import ToyISA
import X86Backend

let programsCommand = CommandSpecification(
  name: "programs", summary: "List the programs that are built in.",
  arguments: [ArgumentSpecification(name: "NAME", help: "show this toy program's source", count: 0...1)],
  options: [jsonOption], examples: ["triad programs", "triad programs minos"],
  run: { arguments, terminal in
    if let name = arguments.positional.first {
      guard let program = ToyPrograms.named(name) else {
        throw CommandFailure.badInput(
          "there is no built-in toy program `\(name)`" + suggestion(name, ToyPrograms.all.map(\.name)))
      }
      terminal.output(program.source)
      return .success
    }
    let rows =
      ToyPrograms.all.map {
        ProgramRow(name: $0.name, isa: "toy", category: $0.category.rawValue, title: $0.title)
      }
      + X86Workload.every.map {
        ProgramRow(
          name: $0.name, isa: "x86", category: $0.category,
          title: $0.description)
      }
    if arguments.has("--json") {
      terminal.line(try jsonText(rows))
      return .success
    }
    var table = TextTable([("name", .left), ("isa", .left), ("kind", .left), ("what it does", .left)])
    for row in rows { table.add([row.name, row.isa, row.category, row.title]) }
    for line in table.lines() { terminal.line(line) }
    return .success
  })

private struct ProgramRow: Encodable {
  var name: String
  var isa: String
  var category: String
  var title: String
}
