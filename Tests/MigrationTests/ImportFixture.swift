// Helpers for tests of the import: they import a text without reading a file, and check the result in the same way as
// the command `freeinference check`.
import Testing

@testable import Configuration
@testable import Migration

/// Imports `text` as if it were the file `in.yaml`.
func imported(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> ConfigurationImport {
    try ConfigurationImport(Array(text.utf8), path: "in.yaml")
}

/// The error of an import of `text`; if the import succeeds, the test fails and the result is nil.
func failure(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> String? {
    do {
        let result = try ConfigurationImport(Array(text.utf8), path: "in.yaml")
        Issue.record("it was imported:\n\(result.yaml)", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error.description
    }
}

/// Reads the configuration that an import wrote, with the environment variables that it needs.
func loaded(
    _ yaml: String,
    environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Configuration {
    let result = Configuration.load(
        path: "out.yaml",
        environment: environment,
        readFile: { $0 == "out.yaml" ? .success(Array(yaml.utf8)) : .failure(FileProblem("No such file")) },
        checkFile: { _ in nil }
    )
    switch result {
    case .success(let configuration): return configuration
    case .failure(let errors):
        Issue.record("\(errors)\n\(yaml)", sourceLocation: sourceLocation)
        throw errors
    }
}

extension ConfigurationImport {
    /// The line numbers of all of the import's notes that are of one kind.
    func lines(_ kind: MigrationNote.Kind) -> Set<Int> { Set(notes.filter { $0.kind == kind }.map(\.position.line)) }
}

/// The numbers of the lines in `text` that end with `# ` and this word.
func lines(marked word: String, in text: String) -> Set<Int> {
    Set(
        text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
            .filter { $0.element.hasSuffix("# \(word)") }
            .map { $0.offset + 1 }
    )
}
