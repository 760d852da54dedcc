// Fuzzes configuration files. Any text must give a configuration, or errors that each have a message of one line and a
// position in the file.
import Configuration
import Edge

final class ConfigurationTarget: FuzzTarget {
    static let name = "configuration"

    private static let secret = "hunter2-Qj8x"

    func run(_ input: FuzzInput, _ findings: Findings) {
        let bytes = input.rest
        let first = Self.load(bytes)
        switch first {
        case .success(let configuration): check(configuration, findings)
        case .failure(let errors): check(errors, of: bytes, findings)
        }
        guard bytes.count % 8 == 0 else { return }
        switch (first, Self.load(bytes)) {
        case (.success, .success): break
        case (.failure(let errors), .failure(let again)):
            findings.expect(errors == again, "other errors when read again")
        default: findings.expect(false, "read again, it is another: \(shown(bytes))")
        }
    }

    private static func load(_ bytes: [UInt8]) -> Result<Configuration, ConfigurationErrors> {
        Configuration.load(
            path: "/etc/c.yaml",
            environment: ["SECRET": secret, "URL": "http://127.0.0.1:8000", "EMPTY": "", "N": "3"],
            readFile: { _ in .success(bytes) },
            checkFile: { $0.hasSuffix("absent") ? FileProblem("No such file or directory") : nil }
        )
    }

    /// Checks the invariants of a configuration that the rest of the server relies on.
    private func check(_ configuration: Configuration, _ findings: Findings) {
        findings.expect(!configuration.listeners.isEmpty, "no listener")
        findings.expect(configuration.memoryLimitBytes >= configuration.limits.bodyBytes, "a body beyond the memory")
        findings.expect(configuration.limits.streams > 0, "no streams")
        findings.expect(configuration.commitAfter > .zero, "commit_after \(configuration.commitAfter)")
        for (index, listener) in configuration.listeners.enumerated() {
            for other in configuration.listeners[..<index] {
                findings.expect(!listener.address.collides(with: other.address), "\(listener.address) twice")
            }
        }
        var names: Set<String> = []
        for model in configuration.models {
            findings.expect(!model.executors.isEmpty, "a model without executors")
            for name in [model.id] + model.aliases {
                findings.expect(!name.isEmpty, "a model without a name")
                findings.expect(names.insert(name).inserted, "two models named \(shown(name.utf8))")
            }
        }
    }

    /// Checks the position and the text of each error, and that none contains the secret.
    private func check(_ errors: ConfigurationErrors, of bytes: [UInt8], _ findings: Findings) {
        findings.expect(!errors.problems.isEmpty, "neither a configuration nor an error")
        let lengths = Self.lineLengths(bytes)
        // These characters end a line of YAML only in some contexts, so columns are not checked if the file has one.
        let hasOddBreaks = String(decoding: bytes, as: UTF8.self).unicodeScalars
            .contains { [0x85, 0x2028, 0x2029].contains($0.value) }
        for problem in errors.problems {
            let isInside = (1...lengths.count).contains(problem.line)
            findings.expect(isInside, "line \(problem.line) of \(lengths.count): \(problem.message)")
            if isInside, !hasOddBreaks {
                let length = lengths[problem.line - 1]
                findings.expect((1...length + 1).contains(problem.column), "column \(problem.column) of \(length)")
            }
            let isPrintable = problem.message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
            findings.expect(isPrintable, "control characters in \(problem.message.debugDescription)")
            findings.expect(!problem.message.contains(Self.secret), "it shows the secret: \(problem.message)")
            findings.expect(problem.message.utf8.count < 4096, "a message of \(problem.message.utf8.count) bytes")
        }
    }

    /// The length of each line in Unicode scalars.
    ///
    /// NEL, LS and PS end a line too, as YAML says.
    private static func lineLengths(_ bytes: [UInt8]) -> [Int] {
        guard let text = String(validating: bytes, as: UTF8.self) else { return [0] }
        var lengths = [0]
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n" where previous == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": lengths.append(0)
            default: lengths[lengths.count - 1] += 1
            }
            previous = scalar
        }
        return lengths
    }
}
