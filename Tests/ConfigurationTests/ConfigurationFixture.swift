// Reads configurations from text, for tests: without the disk, and with only the given environment.

import Transport

@testable import Configuration

/// Reads `text` as the file `c.yaml`.
///
/// Files in `missing` cannot be read, and only files in `imports` can be imported.
///
/// `matching` lists, for each pattern or folder, the files that it includes.
func read(
    _ text: String,
    environment: [String: String] = [:],
    missing: Set<String> = [],
    imports: [String: String] = [:],
    matching: [String: [String]] = [:],
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
        filesMatching: { matching[$0] },
        inspection: inspection
    )
}

/// The faults of `text`, one line each; empty if it has none.
func faults(
    _ text: String,
    environment: [String: String] = [:],
    missing: Set<String> = [],
    imports: [String: String] = [:],
    matching: [String: [String]] = [:],
    inspection: FileInspection = .none
) -> [String] {
    let result = read(
        text,
        environment: environment,
        missing: missing,
        imports: imports,
        matching: matching,
        inspection: inspection
    )
    switch result {
    case .success: return []
    case .failure(let errors): return errors.problems.map(\.description)
    }
}

/// A valid configuration, which takes lines 1 to 5 of the text; `lines` begin at line 6.
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

/// A machine with one interface in addition to loopback, whose files have the findings that the closures return.
func inspection(
    pair: @escaping (CertificateFiles, Bool, Bool) -> [CertificateFinding] = { _, _, _ in [] },
    conflict: @escaping ([CertificateFiles]) -> (index: Int, message: String)? = { _ in nil },
    authorities: @escaping (String) -> [CertificateFinding] = { _ in [] },
    logFile: @escaping (String) -> FileProblem? = { _ in nil },
    clientAuthorities: @escaping (String) -> [CertificateFinding] = { _ in [] },
    folder: @escaping (String) -> FileProblem? = { _ in nil }
) -> FileInspection {
    FileInspection(
        pair: { files, chain, key, _ in pair(files, chain, key) },
        conflict: conflict,
        authorities: { path, _ in authorities(path) },
        clientAuthorities: { path, _ in clientAuthorities(path) },
        folder: folder,
        keys: nil,
        logFile: logFile,
        ownAddresses: { ["127.0.0.1", "10.1.2.3", "::1", "fd00::3"] },
        ownName: { "Edge-1" },
        group: { $0 == "web" ? 1000 : nil }
    )
}
