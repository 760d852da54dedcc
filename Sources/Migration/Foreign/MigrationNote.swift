// The messages of an import about single settings of the imported file that are left out or get another meaning.
package import Configuration

/// One message about one position in the imported file.
///
/// A message never quotes a value of the file, because any value may be a secret. Names of models and providers are no
/// secrets, so a message may contain them.
package struct MigrationNote: Sendable, Hashable, CustomStringConvertible {
    /// Whether a setting is missing from the resulting configuration, or has another form or meaning there.
    package enum Kind: String, Sendable {
        case notCarriedOver = "not carried over"
        case changed
    }

    /// The path of the imported file, as the command line gave it.
    package let file: String
    package let position: Position
    package let kind: Kind
    /// One line of text: the name of the setting, and why it is left out or how it has changed.
    package let message: String

    /// The note as `import` prints it: `FILE:LINE:COLUMN: KIND: MESSAGE`.
    package var description: String {
        "\(file):\(position.line):\(position.column): \(kind.rawValue): \(message)"
    }
}

/// Collects the notes of one import.
final class MigrationNotes {
    let file: String
    private var seen: Set<MigrationNote> = []

    init(file: String) {
        self.file = file
    }

    /// All notes, sorted by their position.
    var sorted: [MigrationNote] {
        seen.sorted { ($0.position, $0.message) < ($1.position, $1.message) }
    }

    /// Records that a part of the imported file is missing from the resulting configuration.
    func lost(_ what: String, _ why: String, at position: Position) {
        add(.notCarriedOver, "\(what): \(why)", at: position)
    }

    /// Records that a part of the imported file has another form or meaning in the resulting configuration.
    func changed(_ what: String, _ how: String, at position: Position) {
        add(.changed, "\(what): \(how)", at: position)
    }

    private func add(_ kind: MigrationNote.Kind, _ message: String, at position: Position) {
        seen.insert(MigrationNote(file: file, position: position, kind: kind, message: message))
    }
}
