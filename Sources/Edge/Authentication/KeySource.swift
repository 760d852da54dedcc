// Where keys come from: a YAML file or a SQLite database, by the ending of the name. Asked again and again, on a thread
// of its own, and answers only when something has changed.
internal import CLinux
internal import Configuration
internal import Glibc
internal import KeyStore
package import Routing
internal import Transport

/// What is wrong with a store of keys: one line each, with the file's name.
package struct KeySourceError: Error, Equatable, Sendable, CustomStringConvertible {
    package var problems: [String]
    package var description: String { problems.joined(separator: "\n") }
}

package enum KeyStoreKind: Sendable {
    case yaml, sqlite

    package init(path: String) {
        let name = path.lowercased()
        self = name.hasSuffix(".yaml") || name.hasSuffix(".yml") ? .yaml : .sqlite
    }
}

package struct KeySource: Sendable {
    private let path: String
    private let kind: KeyStoreKind
    private var seen: FileStamp?
    private var database: KeyDatabase?
    private var dataVersion = 0

    package init(path: String) {
        self.path = path
        kind = KeyStoreKind(path: path)
    }

    /// The keys in force, whether or not they have changed.
    package static func load(path: String) throws(KeySourceError) -> [AccessKey] {
        var source = KeySource(path: path)
        return (try source.changes() ?? []).filter { !$0.isRevoked }
    }

    /// The keys, those that were revoked among them as far as they are known, if they may have changed since this was
    /// asked last without an error; else nil.
    package mutating func changes() throws(KeySourceError) -> [AccessKey]? {
        switch kind {
        case .yaml: try fileChanges()
        case .sqlite: try databaseChanges()
        }
    }

    private mutating func fileChanges() throws(KeySourceError) -> [AccessKey]? {
        guard let stamp = FileStamp(path) else { throw unreadable() }
        // Two changes within one tick of the file system's clock have one time: what is as new as that is read again.
        if stamp == seen, !stamp.isNew(at: Clock.wallTime().seconds) { return nil }
        switch SystemFiles.read(path) {
        case .failure(let problem): throw KeySourceError(problems: ["cannot read \(path): \(problem)"])
        case .success(let bytes):
            switch KeyFile.parse(bytes, path: path) {
            case .failure(let errors): throw KeySourceError(problems: errors.problems.map(\.description))
            case .success(let keys):
                seen = stamp
                return keys
            }
        }
    }

    private mutating func databaseChanges() throws(KeySourceError) -> [AccessKey]? {
        guard let stamp = FileStamp(path) else {
            database = nil
            throw unreadable()
        }
        do throws(KeyDatabaseError) {
            // Another file under the same name is another database.
            let isOpen = database != nil && stamp.isSameFile(as: seen)
            let open = isOpen ? database! : try KeyDatabase(reading: path)
            let version = try open.dataVersion()
            if isOpen, version == dataVersion { return nil }
            let keys = try open.keysWithRevoked()
            // Only now: after an error everything is asked again.
            (database, dataVersion, seen) = (open, version, stamp)
            return keys
        } catch {
            database = nil
            throw KeySourceError(problems: ["cannot read \(path): \(error)"])
        }
    }

    private func unreadable() -> KeySourceError {
        KeySourceError(problems: ["cannot read \(path): \(SystemError.text(errno))"])
    }
}

/// Which file, and which state of it.
private struct FileStamp: Equatable, Sendable {
    private var device: UInt
    private var inode: UInt
    private var size: Int
    private var seconds: Int
    private var nanoseconds: Int

    /// Nil, and `errno` says why, where there is none.
    init?(_ path: String) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        seconds = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }

    func isSameFile(as other: FileStamp?) -> Bool { other?.device == device && other?.inode == inode }

    func isNew(at now: Int) -> Bool { now - seconds < 2 }
}
