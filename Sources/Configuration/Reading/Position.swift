// A position in a configuration file.

/// A position in one file; line and column both start at 1, and columns count Unicode scalars.
package struct Position: Hashable, Comparable {
    package var line = 1
    package var column = 1

    package init(line: Int = 1, column: Int = 1) {
        self.line = line
        self.column = column
    }

    package static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}
