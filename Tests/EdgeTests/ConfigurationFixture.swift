// Reading configurations from text, for the tests: no disk, no environment but what is given.

@testable import Edge

/// Reads `text` as the file `c.yaml`, in a world where only the files in `missing` cannot be read.
func read(
    _ text: String,
    environment: [String: String] = [:],
    missing: Set<String> = []
) -> Result<Configuration, ConfigurationErrors> {
    Configuration.load(
        path: "c.yaml",
        environment: environment,
        readFile: { $0 == "c.yaml" ? .success(Array(text.utf8)) : .failure(FileProblem("No such file")) },
        checkFile: { missing.contains($0) ? FileProblem("No such file or directory") : nil }
    )
}

/// The faults of `text`, one line each; empty if it has none.
func faults(_ text: String, environment: [String: String] = [:], missing: Set<String> = []) -> [String] {
    switch read(text, environment: environment, missing: missing) {
    case .success: []
    case .failure(let errors): errors.problems.map(\.description)
    }
}

/// A valid file on lines 1 to 5, to which a test adds its own from line 6.
func valid(and lines: String = "", executor: String = "") -> String {
    """
    listeners: [{address: "127.0.0.1:8080"}]
    models:
      - id: m
        executors:
          - {url: "http://e:8000"\(executor)}
    \(lines)
    """
}
