// Reads API keys from their store, a YAML file or a SQLite database, and notices when the store has changed.
internal import Configuration
internal import Glibc
internal import KeyStore
package import Routing
internal import Transport

/// Why the API keys in a file or database cannot be read.
package struct KeyStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line for each problem, with the name of the file.
    package var problems: [String]
    /// All problems, one a line.
    package var description: String { problems.joined(separator: "\n") }
}

/// Reads the API keys of one store, a file or a database, and reads them again only if the store may have changed.
///
/// All functions block the calling thread until the file system has answered, so no worker calls them.
package struct KeyStoreReader: Sendable {
    private let path: String
    private let kind: KeyStoreKind
    /// The identity and the state of the store's file when it was last read without an error.
    private var seen: FileStamp?
    private var database: KeyDatabase?
    /// SQLite's `data_version` when the database was last read without an error.
    private var dataVersion = 0

    /// A reader of the store at `path`, which has read nothing yet.
    package init(path: String) {
        self.path = path
        kind = KeyStoreKind(path: path)
    }

    /// Reads the keys that are not revoked, for a caller that needs them only once.
    ///
    /// - Throws: if the store cannot be read or has faults.
    package static func load(path: String) throws(KeyStoreError) -> [AccessKey] {
        var source = KeyStoreReader(path: path)
        return (try source.changes() ?? []).filter { !$0.isRevoked }
    }

    /// Reads the keys if the store may have changed since the last call that did not throw.
    ///
    /// - Returns: All keys; nil if nothing has changed. Revoked keys are included for a database, but not for a YAML
    ///   file.
    /// - Throws: if the store cannot be read or has faults.
    package mutating func changes() throws(KeyStoreError) -> [AccessKey]? {
        switch kind {
        case .yaml: try fileChanges()
        case .sqlite: try databaseChanges()
        }
    }

    private mutating func fileChanges() throws(KeyStoreError) -> [AccessKey]? {
        guard let stamp = FileStamp(path) else { throw unreadable() }
        // If a file changes twice within one tick of the file system's clock, both changes have the same time. So a
        // file that has just changed is read even if its time is the same as at the last read.
        if stamp == seen, !stamp.isNew(at: Clock.wallTime().seconds) { return nil }
        switch SystemFiles.read(path) {
        case .failure(let problem): throw KeyStoreError(problems: ["cannot read \(path): \(problem)"])
        case .success(let bytes):
            switch KeyFile.parse(bytes, path: path) {
            case .failure(let errors): throw KeyStoreError(problems: errors.problems.map(\.description))
            case .success(let keys):
                seen = stamp
                return keys
            }
        }
    }

    private mutating func databaseChanges() throws(KeyStoreError) -> [AccessKey]? {
        guard let stamp = FileStamp(path) else {
            database = nil
            throw unreadable()
        }
        do throws(KeyDatabaseError) {
            // If a new file has replaced the database, `database` still reads the old file, so the new file is opened.
            let isOpen = database != nil && stamp.isSameFile(as: seen)
            let open = isOpen ? database! : try KeyDatabase(reading: path)
            let version = try open.dataVersion()
            if isOpen, version == dataVersion { return nil }
            let keys = try open.keysWithRevoked()
            // These values are stored only after everything has been read. So after an error, the next call reads
            // everything again.
            (database, dataVersion, seen) = (open, version, stamp)
            return keys
        } catch {
            database = nil
            throw KeyStoreError(problems: ["cannot read \(path): \(error)"])
        }
    }

    private func unreadable() -> KeyStoreError {
        KeyStoreError(problems: ["cannot read \(path): \(SystemError.text(errno))"])
    }
}
