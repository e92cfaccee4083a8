/// Gradescope's `results.json`, as its autograder specification has it; its names are in snake case.
struct GradescopeResults: Encodable {
  struct Test: Encodable {
    var score: Double
    var maxScore: Double
    var status: String?
    var name: String
    var number: String
    var output: String
    var outputFormat: String
    var tags: [String]
    var visibility: String
  }

  var score: Double
  var output: String
  var outputFormat = "md"
  var testOutputFormat = "md"
  var visibility = "visible"
  var stdoutVisibility = "hidden"
  var tests: [Test]
  var extraData: [String: String]

  init(_ report: GradeReport) {
    score = report.points
    output = report.notes.joined(separator: "\n\n")
    tests = report.parts.enumerated().map { index, part in
      Test(
        score: part.points, maxScore: part.maximum,
        // Neither passed nor failed: the host could not say.
        status: part.outcome == .notAssessed ? nil : part.outcome == .passed ? "passed" : "failed",
        name: part.title, number: "\(index + 1)", output: part.message, outputFormat: "md",
        tags: [part.id] + (part.outcome == .notAssessed ? ["not assessed"] : []),
        visibility: part.visibility.rawValue)
    }
    extraData = ["lab": report.lab, "seed": "\(report.seed)", "schema": report.schema]
    if let student = report.student { extraData["student"] = student }
  }
}

/// Classroom 50's `result.json`; its scores are whole numbers, so ours are in hundredths.
struct Classroom50Result: Encodable {
  struct Test: Encodable {
    var name: String
    var passed: Bool
    var score: Int
    var maximum: Int
    var message: String

    enum CodingKeys: String, CodingKey {
      case name = "test-name"
      case passed, score, message
      case maximum = "max-score"
    }
  }

  var schema = "classroom50/result/v1"
  var classroom: String
  var assignment: String
  var owner: String
  var submission: String
  var commit: String
  var release: String
  var review: String
  var datetime: String
  var score: Int
  var maximum: Int
  var tests: [Test]

  enum CodingKeys: String, CodingKey {
    case schema, classroom, assignment, owner, submission, commit, release, review, datetime, score, tests
    case maximum = "max-score"
  }

  init(_ report: GradeReport, _ context: GradeContext) {
    func whole(_ points: Double) -> Int { Int((points * 100).rounded()) }
    classroom = context.classroom
    assignment = context.assignment.isEmpty ? report.lab : context.assignment
    owner = context.owner
    submission = report.submission
    commit = context.commit
    release = context.release
    review = context.review
    datetime = context.date
    tests = report.parts.map { part in
      Test(
        name: part.title, passed: part.outcome == .passed, score: whole(part.points),
        maximum: whole(part.maximum), message: part.visibility == .visible ? part.message : "")
    }
    score = tests.reduce(0) { $0 + $1.score }
    maximum = tests.reduce(0) { $0 + $1.maximum }
  }
}
