// The two kinds of stores of API keys. The ending of the file name shows the kind.

/// The kind of a store: names that end in `.yaml` or `.yml` are YAML files, and all others are SQLite databases.
package enum KeyStoreKind: Sendable {
    /// A YAML file, which the operator edits.
    case yaml
    /// A SQLite database, which the `keys` command edits.
    case sqlite

    /// The kind of the store at `path`; the file need not exist.
    package init(path: String) {
        let name = path.lowercased()
        self = name.hasSuffix(".yaml") || name.hasSuffix(".yml") ? .yaml : .sqlite
    }
}
