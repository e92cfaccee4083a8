import Debugger
import Foundation
import MachineCore
import ToyISA

// An extension for Visual Studio Code without code: it says which files are toy assembly, and that `triad dap` debugs them.

/// Writes the extension to a folder, or packed to a file that ends in `.vsix`.
func writeEditorExtension(to place: String, _ terminal: Terminal) throws {
  let files = extensionFiles()
  guard !place.hasSuffix(".vsix") else {
    var archive = ZipArchive()
    archive.add("[Content_Types].xml", Array(contentTypes.utf8))
    archive.add("extension.vsixmanifest", Array(packageManifest.utf8))
    for (name, text) in files { archive.add("extension/" + name, Array(text.utf8)) }
    try writeFile(archive.bytes, to: place)
    terminal.line("wrote \(place): install it with `code --install-extension \(place)`")
    return
  }
  do {
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: place).appendingPathComponent("syntaxes"), withIntermediateDirectories: true)
  } catch {
    throw CommandFailure.badInput("cannot make the folder `\(place)`: \(error.localizedDescription)")
  }
  for (name, text) in files { try writeFile(Array(text.utf8), to: place + "/" + name) }
  terminal.line("wrote \(place): install it by a link of that name in ~/.vscode/extensions, or take a .vsix")
}

private let language = "toy-assembly"

/// The files by name.
private func extensionFiles() -> [(String, String)] {
  [
    ("package.json", manifest().text + "\n"),
    (
      "language-configuration.json",
      languageConfiguration.text + "\n"
    ),
    ("syntaxes/toy-assembly.json", grammar().text + "\n"),
  ]
}

/// This program, as the editor is to start it.
private func programPath() -> String {
  (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
    ?? Bundle.main.executablePath ?? "triad"
}

private let languageConfiguration: JSON = [
  "comments": ["lineComment": "#"], "brackets": [["(", ")"]],
]

private func manifest() -> JSON {
  let first: JSON = [
    "type": "triad", "request": "launch", "name": "Toy program", "program": "${file}", "stopOnEntry": true,
  ]
  func snippet(_ label: String, _ text: String, _ fields: [String: JSON]) -> JSON {
    var body: [String: JSON] = ["type": "triad", "request": "launch", "name": .string(label)]
    body.merge(fields) { $1 }
    return ["label": .string("Triad: \(label)"), "description": .string(text), "body": .object(body)]
  }
  return [
    "name": "triad", "displayName": "Triad", "publisher": "triad", "version": .string(Triad.version + ".0"),
    "description": "Debug toy programs on Triad's simulator, emulator and virtualizer.",
    "engines": ["vscode": "^1.70.0"], "categories": ["Debuggers", "Programming Languages"],
    "contributes": [
      "languages": [
        [
          "id": .string(language), "aliases": ["Toy assembly"], "extensions": [".asm", ".s"],
          "configuration": "./language-configuration.json",
        ]
      ],
      "grammars": [
        [
          "language": .string(language), "scopeName": "source.toy-assembly",
          "path": "./syntaxes/toy-assembly.json",
        ]
      ],
      "breakpoints": [["language": .string(language)]],
      "debuggers": [
        [
          "type": "triad", "label": "Triad", "languages": [.string(language)],
          "program": .string(programPath()), "args": ["dap"],
          "configurationAttributes": [
            "launch": [
              "required": ["program"],
              "properties": .object(
                Dictionary(uniqueKeysWithValues: LaunchAttribute.all.map { ($0.name, schema($0)) })),
            ]
          ],
          "initialConfigurations": [first],
          "configurationSnippets": [
            snippet(
              "Toy program", "The file in the editor.", ["program": "^\"\\${file}\"", "stopOnEntry": true]),
            snippet(
              "Built-in program", "A program that `triad programs` lists.",
              ["program": "minos", "engine": "emulator", "stopOnEntry": true]),
            snippet(
              "Toy program under a VMM", "The file in the editor, on the virtualizer.",
              ["program": "^\"\\${file}\"", "engine": "virtualizer", "stopOnEntry": true]),
          ],
        ]
      ],
    ],
  ]
}

/// An attribute as JSON Schema.
private func schema(_ attribute: LaunchAttribute) -> JSON {
  let type: JSON =
    switch attribute.kind {
    case .text, .path: "string"
    case .number: ["integer", "string"]
    case .flag: "boolean"
    case .definitions: "object"
    }
  return .fields([
    "type": type, "description": .string(attribute.help),
    "enum": attribute.choices.isEmpty ? nil : .array(attribute.choices.map { .string($0) }),
    "default": attribute.name == "program" ? "${file}" : nil,
  ])
}

/// Colours, as a TextMate grammar made of the tables of instructions and registers.
private func grammar() -> JSON {
  let mnemonics = ToyInstructionSet().definitions.map(\.mnemonic) + ToyPseudo.table.map(\.mnemonic)
  let instructions = Set(mnemonics).sorted()
  let registers = (0..<ToyRegister.generalCount).map { "r\($0)" } + ToyRegister.aliases.map(\.name)
  func pattern(_ expression: String, _ scope: String) -> JSON {
    ["match": .string(expression), "name": .string(scope + ".toy-assembly")]
  }
  return [
    "scopeName": "source.toy-assembly",
    "patterns": [
      pattern("#.*$", "comment.line"),
      pattern("\"(\\\\.|[^\"\\\\])*\"", "string.quoted.double"),
      pattern("'(\\\\.|[^'\\\\])'", "constant.character"),
      pattern("^\\s*[A-Za-z_.$][\\w.$]*:|^\\s*[0-9]+:", "entity.name.function"),
      pattern("(?<![\\w.])\\.[a-z][a-z0-9]*\\b", "keyword.control.directive"),
      pattern("\\b(\(instructions.joined(separator: "|")))\\b", "keyword.operator.instruction"),
      pattern("\\b(\(registers.joined(separator: "|")))\\b", "variable.language.register"),
      pattern("\\b(0x[0-9A-Fa-f_]+|0b[01_]+|[0-9][0-9_]*)\\b", "constant.numeric"),
    ],
  ]
}

private let contentTypes = """
  <?xml version="1.0" encoding="utf-8"?>
  <Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension=".json" \
  ContentType="application/json"/><Default Extension=".vsixmanifest" ContentType="text/xml"/></Types>

  """

private var packageManifest: String {
  """
  <?xml version="1.0" encoding="utf-8"?>
  <PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
    <Metadata>
      <Identity Language="en-US" Id="triad" Version="\(Triad.version).0" Publisher="triad"/>
      <DisplayName>Triad</DisplayName>
      <Description xml:space="preserve">Debug toy programs.</Description>
    </Metadata>
    <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
    <Dependencies/>
    <Assets>
      <Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/>
    </Assets>
  </PackageManifest>

  """
}
