// Reading configurations from text, for the tests: no disk, no environment but what is given.

@testable import Edge

/// Reads `text` as the file `c.yaml`, in a world where the files in `missing` cannot be read, and of which only
/// `imports` can be imported.
func read(
    _ text: String,
    environment: [String: String] = [:],
    missing: Set<String> = [],
    imports: [String: String] = [:],
    inspection: FileInspection = .none
) -> Result<Configuration, ConfigurationErrors> {
    Configuration.load(
        path: "c.yaml",
        environment: environment,
        readFile: { path in
            let found = path == "c.yaml" ? text : imports[path]
            return found.map { .success(Array($0.utf8)) } ?? .failure(FileProblem("No such file"))
        },
        checkFile: { missing.contains($0) ? FileProblem("No such file or directory") : nil },
        inspection: inspection
    )
}

/// The faults of `text`, one line each; empty if it has none.
func faults(
    _ text: String,
    environment: [String: String] = [:],
    missing: Set<String> = [],
    imports: [String: String] = [:],
    inspection: FileInspection = .none
) -> [String] {
    switch read(text, environment: environment, missing: missing, imports: imports, inspection: inspection) {
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
