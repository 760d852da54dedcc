// A position in a configuration file.

/// A position in one file; line and column both start at 1, and columns count Unicode scalars.
struct Position: Hashable, Comparable {
    var line = 1
    var column = 1

    static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}
