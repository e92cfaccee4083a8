import Foundation

/// Names in the system's folder for temporary files.
enum TemporaryFiles {
  static var folder: String { FileManager.default.temporaryDirectory.path }

  static func newPath() -> String { folder + "/triad-" + UUID().uuidString + ".trace" }

  static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
