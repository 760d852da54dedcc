// A configuration file as a tree: values and the entries of mappings, each with its position.

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
