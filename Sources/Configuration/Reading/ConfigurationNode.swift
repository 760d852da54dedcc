// A configuration file as a tree: values, the entries of mappings, and the position of each in the file.

/// A position in one file; line and column both start at 1, and columns count Unicode scalars.
struct Position: Hashable, Comparable {
    var line = 1
    var column = 1

    static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value of the file, with YAML aliases resolved and environment variables expanded.
struct ConfigurationNode {
    enum Kind {
        /// A single value.
        ///
        /// `raw` is the text of the file, `text` the same with its variables expanded. `isPlain` is true if the value
        /// had no quotes.
        case scalar(text: String, raw: String, isPlain: Bool)
        case sequence([ConfigurationNode])
        case mapping([ConfigurationEntry])
        /// A value that could not be expanded, for which an error has been reported.
        case unusable
    }

    let position: Position
    let kind: Kind
}

/// A key of a mapping and its value.
struct ConfigurationEntry {
    let key: String
    let keyPosition: Position
    let value: ConfigurationNode
}
