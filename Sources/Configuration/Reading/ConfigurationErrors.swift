// The errors and warnings of a configuration, sorted by position.

/// The errors of a configuration: first the errors of the main file, then the errors of each imported file.
///
/// The description has one line for each error and each warning.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// The errors without the warnings; never empty if the configuration cannot be used.
    package let problems: [ConfigurationProblem]
    /// Errors and warnings, sorted together.
    package let all: [ConfigurationProblem]

    /// Sorts errors and warnings, and drops duplicates.
    ///
    /// - Parameter files: The files of the configuration in the order in which they were opened.
    package init(_ problems: [ConfigurationProblem], warnings: [ConfigurationProblem] = [], files: [String] = []) {
        var seen = Set<ConfigurationProblem>()
        func rank(_ problem: ConfigurationProblem) -> (Int, Int, Int) {
            (files.firstIndex(of: problem.file) ?? files.count, problem.line, problem.column)
        }
        func sorted(_ problems: [ConfigurationProblem]) -> [ConfigurationProblem] {
            problems.sorted { rank($0) < rank($1) }
        }
        self.problems = sorted(problems.filter { seen.insert($0).inserted })
        all = sorted(self.problems + warnings.filter { seen.insert($0).inserted })
    }

    /// All errors and warnings, one in each line.
    package var description: String { all.map(\.description).joined(separator: "\n") }
}
