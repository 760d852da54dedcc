// A configuration file as a tree: values and the entries of mappings, each with its position.

/// A value of the file, with YAML aliases resolved and environment variables expanded.
package struct ConfigurationNode {
    package enum Kind {
        /// A single value.
        ///
        /// `raw` is the text in the file, and `text` is the same text with its variables expanded. `isPlain` is true if
        /// the value has no quotes in the file.
        case scalar(text: String, raw: String, isPlain: Bool)
        case sequence([ConfigurationNode])
        case mapping([ConfigurationEntry])
        /// A value that cannot be used, because its variables could not be expanded, or because the file has too many
        /// values.
        ///
        /// The parser reports an error in both cases.
        case unusable
    }

    /// The position at which the value begins.
    package let position: Position
    package let kind: Kind
}

/// A key of a mapping and its value.
package struct ConfigurationEntry {
    package let key: String
    package let keyPosition: Position
    package let value: ConfigurationNode
}
