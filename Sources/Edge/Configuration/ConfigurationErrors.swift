// What is wrong with a configuration: every fault of it, each with its place.

/// One fault of a configuration file.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    package let file: String
    /// From 1.
    package let line: Int
    /// From 1, in Unicode scalars.
    package let column: Int
    package let message: String

    package init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String { "\(file):\(line):\(column): \(message)" }

    /// It does not keep the configuration from being used.
    package var isWarning: Bool { message.hasPrefix("warning: ") }
}

/// All faults of a configuration, in the order of the file, then of those that it imports.
///
/// Printed, one line each, with what it is only warned of among them.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// Never empty where a configuration cannot be used.
    package let problems: [ConfigurationProblem]
    /// These and the warnings, in their order.
    package let all: [ConfigurationProblem]

    /// `files` in their order.
    package init(_ problems: [ConfigurationProblem], warnings: [ConfigurationProblem] = [], files: [String] = []) {
        var seen = Set<ConfigurationProblem>()
        func place(_ problem: ConfigurationProblem) -> (Int, Int, Int) {
            (files.firstIndex(of: problem.file) ?? files.count, problem.line, problem.column)
        }
        func inOrder(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
            problems.sorted { place($0) < place($1) }
        }
        self.problems = inOrder(problems.filter { seen.insert($0).inserted })
        all = inOrder(self.problems + warnings.filter { seen.insert($0).inserted })
    }

    package var description: String { all.map(\.description).joined(separator: "\n") }
}

/// Why a file could not be read, in the system's words.
package struct FileProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
