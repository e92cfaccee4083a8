public import Foundation

/// The `Labs` folder as a whole.
public struct LabFolder: Sendable {
  public var url: URL

  /// The folder at a place.
  ///
  /// - Throws: ``SubmissionError`` when it is not Triad's Labs folder.
  public init(_ url: URL) throws(SubmissionError) {
    guard FileManager.default.fileExists(atPath: url.appendingPathComponent("LabKit").path) else {
      throw SubmissionError(
        description:
          "\(url.path) is not Triad's Labs folder\n  help: go to Triad's repository, or give --labs DIR")
    }
    self.url = url.standardizedFileURL
  }

  /// Ids of all labs, in order.
  public var ids: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [])
      .filter { FileManager.default.fileExists(atPath: url.appendingPathComponent("\($0)/lab.json").path) }
      .sorted()
  }

  /// The students' files that follow from the solutions: path beneath the folder, and text.
  ///
  /// - Throws: ``SubmissionError`` when a solution's marks do not match. Without a `Solutions` folder there are none.
  public func skeletons() throws -> [(path: String, text: String)] {
    var result: [(String, String)] = []
    for id in ids {
      let folder = url.appendingPathComponent("Solutions/\(id)")
      let files = try LabManifest(in: url.appendingPathComponent(id)).files
      let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { name in files.contains { SubmissionFiles.matches(name, $0) } }.sorted()
      for name in names {
        let solution = folder.appendingPathComponent(name)
        guard let text = try? String(contentsOf: solution, encoding: .utf8) else { continue }
        do {
          let skeleton = try SkeletonText.make(from: text)
          // A file that is all solution is not among those that students start from.
          if skeleton.contains(where: { !$0.isWhitespace }) {
            result.append(("\(id)/Sources/\(name)", skeleton))
          }
        } catch {
          throw SubmissionError(description: "Solutions/\(id)/\(name): \(error)")
        }
      }
    }
    return result
  }
}
