// A position together with the file it is in, for messages that name two positions.

/// A position in one of the files of a configuration.
struct ConfigurationLocation {
    let position: Position
    let reader: ConfigurationReader

    func report(_ message: String) { reader.report(message, at: position) }

    /// How a message about `other` refers to this location: by its line, and by its file if that is another one.
    func described(from other: ConfigurationLocation) -> String {
        reader === other.reader ? "on line \(position.line)" : "at \(reader.file):\(position.line)"
    }
}
