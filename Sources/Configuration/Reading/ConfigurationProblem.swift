// One error or warning of a configuration, with its position.

/// An error or a warning about one position in a YAML file, such as the configuration file or a file of API keys.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// The path of the file, from the command line or from a key in another file, such as `import`.
    package let file: String
    /// The line, starting at 1.
    package let line: Int
    /// The column, starting at 1, in Unicode scalars.
    package let column: Int
    /// One line of text, which starts with `warning: ` if the problem is a warning.
    package let message: String

    package init(file: String, line: Int, column: Int, message: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
    }

    /// The problem as `check` prints it: `FILE:LINE:COLUMN: MESSAGE`.
    package var description: String { "\(file):\(line):\(column): \(message)" }

    /// Whether the problem is only a warning: the configuration can then still be used.
    package var isWarning: Bool { message.hasPrefix("warning: ") }
}
