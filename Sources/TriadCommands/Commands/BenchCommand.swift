let benchCommand = CommandSpecification(
  name: "bench", summary: "Measure guest instructions per second, as ratios in one run.", arguments: [],
  options: [jsonOption], examples: ["triad bench"],
  run: { _, terminal in
    terminal.line("not there yet")
    return .success
  })
