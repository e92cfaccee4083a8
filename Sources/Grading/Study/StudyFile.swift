internal import Foundation

/// What a student hands in for the study of exits: `study.json`, read leniently so that a wrong row costs only itself.
package struct StudyFile: Sendable {
  /// Rows of `formulas`: isa, operation, quantity, count for each operation, count for the rest.
  package private(set) var formulas: [StudyKey: (perOperation: Double?, fixed: Double?)] = [:]
  /// Rows of `measured`: isa, operation, engine, n, and a number for each quantity.
  package private(set) var measured: [StudyRun: [Double?]] = [:]
  /// Answers by the name of the question.
  package private(set) var answers: [String: Double] = [:]
  /// Rows that could not be read, for the student.
  package private(set) var notes: [String] = []

  /// Reads the file; it is JSON in which comments and a comma after the last item are allowed.
  ///
  /// - Throws: ``SubmissionError`` with what is wrong, and where, when it is no such text.
  package init(_ text: String) throws(SubmissionError) {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    let value: StudyValue
    do {
      value = try decoder.decode(StudyValue.self, from: Data(text.utf8))
    } catch DecodingError.dataCorrupted(let context) {
      let cause = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey] as? String
      throw SubmissionError(description: "`study.json` is not JSON: \(cause ?? context.debugDescription)")
    } catch {
      throw SubmissionError(description: "`study.json` is not JSON: \(error)")
    }
    guard case .object(let object) = value else {
      throw SubmissionError(description: "`study.json` must be an object: { \"formulas\": …, … }")
    }
    for row in list("formulas", in: object) { addFormula(row) }
    for row in list("measured", in: object) { addMeasurement(row) }
    guard case .object(let given)? = object["answers"] else {
      notes.append("`answers` is not there, or no object")
      return
    }
    for (name, answer) in given {
      if case .number(let number) = answer, number.isFinite { answers[name] = number }
    }
  }

  private mutating func list(_ name: String, in object: [String: StudyValue]) -> [StudyValue] {
    if case .list(let rows)? = object[name] { return rows }
    notes.append("`\(name)` is not there, or no list of rows")
    return []
  }

  private mutating func addFormula(_ row: StudyValue) {
    guard case .list(let cells) = row, cells.count == 5, let isa = cells[0].text, let name = cells[1].text,
      let quantity = cells[2].text.flatMap(StudyQuantity.init(rawValue:)),
      let run = StudyProgram(isa: isa, name: name)
    else {
      note("formulas", row)
      return
    }
    let key = StudyKey(program: run, quantity: quantity)
    guard formulas[key] == nil else {
      notes.append("`formulas`: two rows for \(key); the first counts")
      return
    }
    formulas[key] = (cells[3].number, cells[4].number)
  }

  private mutating func addMeasurement(_ row: StudyValue) {
    guard case .list(let cells) = row, cells.count == 4 + StudyQuantity.allCases.count,
      let isa = cells[0].text, let name = cells[1].text, let engine = cells[2].text,
      let program = StudyProgram(isa: isa, name: name), let run = StudyRun(program: program, engine: engine)
    else {
      note("measured", row)
      return
    }
    guard measured[run] == nil else {
      notes.append("`measured`: two rows for \(run); the first counts")
      return
    }
    measured[run] = cells[3...].map(\.number)
  }

  private mutating func note(_ list: String, _ row: StudyValue) {
    if notes.count < 20 { notes.append("`\(list)`: this row is not as it should be: \(row)") }
  }
}

/// Any value of JSON.
private indirect enum StudyValue: Decodable, CustomStringConvertible {
  case null
  case number(Double)
  case text(String)
  case list([StudyValue])
  case object([String: StudyValue])
  case other

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([StudyValue].self) {
      self = .list(list)
    } else if let object = try? container.decode([String: StudyValue].self) {
      self = .object(object)
    } else {
      self = .other
    }
  }

  package var number: Double? { if case .number(let number) = self, number.isFinite { number } else { nil } }
  package var text: String? { if case .text(let text) = self { text } else { nil } }

  package var description: String {
    switch self {
    case .null: "null"
    case .number(let number): number == number.rounded() ? "\(Int(clamping: number))" : "\(number)"
    case .text(let text): "\"\(text.prefix(30))\""
    case .list(let list): "[" + list.prefix(10).map(\.description).joined(separator: ", ") + "]"
    case .object: "{…}"
    case .other: "?"
    }
  }
}

extension Int {
  /// The nearest whole number that there is.
  package init(clamping number: Double) {
    self = Int(exactly: Swift.min(Swift.max(number.rounded(), -1e15), 1e15)) ?? 0
  }
}
