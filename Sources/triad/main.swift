import Foundation
import TriadCommands

exit(
  Triad.run(
    Array(CommandLine.arguments.dropFirst()),
    on: .standard(environment: ProcessInfo.processInfo.environment)))
