// Reads a YAML file that is not a configuration of this server, for `freeinference import`.

/// A YAML file of another program: a tree with positions, in which no variable is expanded.
package enum ForeignDocument {
    /// Parses a file of another program.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - path: The path of the file, as messages show it.
    /// - Returns: The root of the tree with the warnings about the file, or the errors. The root is nil for an empty
    ///   file.
    package static func parse(
        _ bytes: [UInt8],
        path: String
    ) -> Result<(root: ConfigurationNode?, warnings: [ConfigurationProblem]), ConfigurationErrors> {
        let reader = ConfigurationReader(file: path, checkFile: { _ in nil })
        var document = ConfigurationDocument(environment: nil, reader: reader)
        let root = document.parse(bytes)
        return reader.problems.isEmpty ? .success((root, reader.warnings)) : .failure(reader.errors)
    }

    /// Returns a text in the form that messages quote: with control characters replaced, and cut after 80 Unicode
    /// scalars.
    package static func printable(_ text: String) -> String { ConfigurationSection.printable(text) }

    /// Whether the text of a scalar without quotes means null in YAML.
    package static func isNull(_ text: String) -> Bool { ConfigurationSection.isNull(text) }
}
