// Helpers that make configurations from text, for the tests of the target Edge.

import Configuration

/// Reads `text` as a configuration file; a check whether a file that it names can be read always succeeds.
func configuration(_ text: String) throws -> Configuration {
    try Configuration.load(
        path: "c.yaml",
        environment: [:],
        readFile: { _ in .success(Array(text.utf8)) },
        checkFile: { _ in nil }
    ).get()
}
