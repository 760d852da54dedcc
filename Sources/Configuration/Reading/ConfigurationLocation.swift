// A position in a configuration file together with the file, for messages that name two positions.

/// A position in one of the files of a configuration.
struct ConfigurationLocation {
    let position: Position
    let reader: ConfigurationReader

    func report(_ message: String) { reader.report(message, at: position) }

    /// The text by which a message about `other` refers to this location: the line, and also the file if `other` is in
    /// a different file.
    func described(from other: ConfigurationLocation) -> String {
        reader === other.reader ? "on line \(position.line)" : "at \(reader.file):\(position.line)"
    }
}
