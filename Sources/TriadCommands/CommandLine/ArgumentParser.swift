extension CommandSpecification {
  /// Sorts words into options and arguments.
  ///
  /// - Throws: ``CommandFailure`` with a usage message.
  func parse(_ words: [String]) throws -> ParsedArguments {
    var parsed = ParsedArguments()
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        parsed.positional += rest
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        parsed.positional.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      let name = parts[0]
      guard let option = options.first(where: { $0.name == name || $0.short == name }) else {
        throw misuse("there is no option `\(name)`" + suggestion(name, options.map(\.name)))
      }
      if option.value == nil {
        guard parts.count == 1 else { throw misuse("\(name) takes no value") }
        parsed.flags.insert(option.name)
        continue
      }
      guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
        throw misuse("\(name) needs a value: \(name) \(option.value ?? "")")
      }
      if !option.repeats, parsed.values[option.name] != nil { throw misuse("\(name) is given twice") }
      parsed.values[option.name, default: []].append(value)
    }
    let least = arguments.map(\.count.lowerBound).reduce(0, +)
    let most = arguments.map(\.count.upperBound).reduce(0) { $0 > 1_000_000 ? $0 : $0 + min($1, 1_000_000) }
    if parsed.positional.count < least {
      let names = arguments.filter { $0.count.lowerBound > 0 }.map(\.name)
      throw misuse("missing argument: \(names.dropFirst(parsed.positional.count).joined(separator: ", "))")
    }
    if parsed.positional.count > most {
      throw misuse("too many arguments, from `\(parsed.positional[most])` on")
    }
    return parsed
  }

  private func misuse(_ message: String) -> CommandFailure {
    .usage("usage: \(usage)\n       triad help \(name) tells more\nerror: \(message)")
  }
}
