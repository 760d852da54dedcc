// The two kinds of stores of API keys, which differ in the ending of their file names.

/// The kind of a store: `.yaml` and `.yml` are YAML files, every other name is a SQLite database.
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
