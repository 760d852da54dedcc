// The errors and warnings that the check of a configuration has found, in the order of their positions in the files.

/// The errors and warnings of a configuration: first those of the main file, then those of each imported file.
///
/// The description has one line for each of them.
package struct ConfigurationErrors: Error, Sendable, Equatable, CustomStringConvertible {
    /// The errors; there is at least one if the configuration cannot be used.
    package let problems: [ConfigurationProblem]
    /// The errors and the warnings together, in the order of their positions.
    package let all: [ConfigurationProblem]

    /// Sorts the errors and warnings by file, line and column, and removes duplicates.
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
