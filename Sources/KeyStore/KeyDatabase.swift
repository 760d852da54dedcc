// Access keys in a SQLite database. The server reads the database, and `freeinference keys` edits it. No other source
// file uses GRDB.
internal import Foundation
internal import GRDB
package import Routing

/// Why a key database could not be read or changed.
///
/// The description never contains a key or a hash.
package struct KeyDatabaseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A message for the operator, to be shown after the path of the file.
    package let description: String
}

/// A connection to a database of access keys; safe to use from any thread.
///
/// The database uses a rollback journal instead of WAL, so that a server can read it without permission to write to the
/// file or its directory.
package struct KeyDatabase: Sendable {
    /// A key, and the times when it was created and revoked.
    package struct Record: Equatable, Sendable {
        /// The key's hash, tenant, role and limits.
        ///
        /// The text of the key is not stored anywhere.
        package var key: AccessKey
        /// When the key was created, in seconds since 1970.
        package var created: Int
        /// When the key was revoked, in seconds since 1970; nil if it is not revoked.
        package var revoked: Int?

        /// Makes a record, which `KeyDatabase.add` can store.
        ///
        /// The times are in seconds since 1970.
        package init(key: AccessKey, created: Int, revoked: Int? = nil) {
            self.key = key
            self.created = created
            self.revoked = revoked
        }
    }

    /// The version of the table layout, stored in SQLite's `user_version`.
    private static let version = 1
    private let queue: DatabaseQueue

    /// Opens a database for reading.
    ///
    /// If another process is writing, waits up to 0.2 s.
    ///
    /// - Throws: `KeyDatabaseError` if the file does not exist, cannot be read, or is not a key database of this
    ///   version.
    package init(reading path: String) throws(KeyDatabaseError) {
        queue = try Self.attempt {
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(0.2)
            return try DatabaseQueue(path: path, configuration: configuration)
        }
        try Self.attempt { try queue.read { try Self.checkVersion($0) } }
    }

    /// Opens a database for changes, and creates it if it does not exist.
    ///
    /// If another process is writing, waits up to 5 s.
    package init(editing path: String) throws(KeyDatabaseError) {
        queue = try Self.attempt {
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(5)
            return try DatabaseQueue(path: path, configuration: configuration)
        }
        try Self.attempt {
            try queue.write { database in
                let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
                guard tables == 0 else {
                    try Self.checkVersion(database)
                    return try Self.addColumns(database)
                }
                try database.execute(
                    sql: """
                        CREATE TABLE key (
                            id TEXT PRIMARY KEY NOT NULL,
                            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
                            tenant TEXT NOT NULL,
                            role TEXT NOT NULL,
                            models TEXT, -- one a line; NULL: all
                            concurrency INTEGER,
                            requests_per_minute INTEGER,
                            tokens_per_minute INTEGER,
                            created INTEGER NOT NULL, -- seconds since 1970, as the next two
                            expires INTEGER,
                            revoked INTEGER,
                            prefill_resets INTEGER,
                            priority TEXT, -- NULL: standard
                            priority_choices TEXT -- one a line; NULL: none
                        ) STRICT;
                        PRAGMA user_version = \(Self.version);
                        """
                )
            }
        }
    }

    /// Adds the columns that are missing in a database of an earlier version of this server.
    ///
    /// Keys that are already in the database get NULL in these columns.
    private static func addColumns(_ database: Database) throws {
        let present = try Set(database.columns(in: "key").map(\.name))
        for (name, type) in [("prefill_resets", "INTEGER"), ("priority", "TEXT"), ("priority_choices", "TEXT")]
        where !present.contains(name) {
            try database.execute(sql: "ALTER TABLE key ADD COLUMN \(name) \(type)")
        }
    }

    /// A number that changes whenever another connection, such as that of `freeinference keys`, changes the database.
    package func dataVersion() throws(KeyDatabaseError) -> Int {
        try Self.attempt { try queue.read { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 } }
    }

    /// All keys, including revoked keys, the oldest key first.
    package func records() throws(KeyDatabaseError) -> [Record] {
        try Self.attempt {
            try queue.read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM key ORDER BY created, rowid").map { try Self.record($0) }
            }
        }
    }

    /// All keys that are not revoked.
    package func keys() throws(KeyDatabaseError) -> [AccessKey] {
        try records().filter { $0.revoked == nil }.map(\.key)
    }

    /// All keys, including revoked keys, which have `isRevoked` set.
    package func keysWithRevoked() throws(KeyDatabaseError) -> [AccessKey] {
        try records().map { record in
            var key = record.key
            key.isRevoked = record.revoked != nil
            return key
        }
    }

    /// Inserts a key.
    ///
    /// - Throws: `KeyDatabaseError` if a key with the same id or hash exists, or the file cannot be written.
    package func add(_ record: Record) throws(KeyDatabaseError) {
        let key = record.key
        let values: StatementArguments = [
            key.id, Data(key.hash), key.tenant, key.role.rawValue, key.models?.joined(separator: "\n"),
            key.limits.concurrency, key.limits.requestsPerMinute, key.limits.tokensPerMinute, record.created,
            key.expires, record.revoked, key.limits.prefillResets,
            key.priority.usual == .standard ? nil : key.priority.usual.rawValue,
            key.priority.choices.isEmpty ? nil : key.priority.choices.map(\.rawValue).joined(separator: "\n"),
        ]
        let sql = "INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        try Self.attempt { try queue.write { try $0.execute(sql: sql, arguments: values) } }
    }

    /// Revokes a key.
    ///
    /// - Parameter seconds: the time of the revocation, in seconds since 1970.
    /// - Returns: false if no key has this id, or if the key was revoked before.
    package func revoke(_ id: String, at seconds: Int) throws(KeyDatabaseError) -> Bool {
        try Self.attempt {
            try queue.write { database in
                try database.execute(
                    sql: "UPDATE key SET revoked = ? WHERE id = ? AND revoked IS NULL",
                    arguments: [seconds, id]
                )
                return database.changesCount > 0
            }
        }
    }

    private static func checkVersion(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found == version else { throw KeyDatabaseError(description: "it is no database of keys of this version") }
    }

    private static func record(_ row: Row) throws -> Record {
        let id: String = row["id"]
        let roleName: String = row["role"]
        guard let role = AccessKey.Role(rawValue: roleName) else {
            throw KeyDatabaseError(description: "key \(id) has a role of another version")
        }
        let hash: Data = row["hash"]
        let models: String? = row["models"]
        let key = AccessKey(
            id: id,
            hash: Array(hash),
            tenant: row["tenant"],
            role: role,
            models: models?.split(separator: "\n").map(String.init),
            limits: KeyLimits(
                concurrency: row["concurrency"],
                requestsPerMinute: row["requests_per_minute"],
                tokensPerMinute: row["tokens_per_minute"],
                prefillResets: row.hasColumn("prefill_resets") ? row["prefill_resets"] : nil
            ),
            priority: try priority(of: id, row),
            expires: row["expires"]
        )
        return Record(key: key, created: row["created"], revoked: row["revoked"])
    }

    /// The priority class of requests with the key, and the priority classes that these requests may choose.
    ///
    /// The columns `priority` and `priority_choices` are missing in a database that only an earlier version of this
    /// server has edited.
    private static func priority(of id: String, _ row: Row) throws -> PriorityRule {
        func named(_ name: some StringProtocol) throws -> PriorityClass {
            if let priority = PriorityClass(rawValue: String(name)) { return priority }
            throw KeyDatabaseError(description: "key \(id) has a priority of another version")
        }
        let usual: String? = row.hasColumn("priority") ? row["priority"] : nil
        let choices: String? = row.hasColumn("priority_choices") ? row["priority_choices"] : nil
        return PriorityRule(
            usual: try usual.map(named) ?? .standard,
            choices: try (choices ?? "").split(separator: "\n").map(named)
        )
    }

    /// Converts errors of SQLite into `KeyDatabaseError`, without the values of the SQL statement, which include the
    /// hash of a key.
    private static func attempt<Answer>(_ body: () throws -> Answer) throws(KeyDatabaseError) -> Answer {
        do {
            return try body()
        } catch let error as KeyDatabaseError {
            throw error
        } catch let error as DatabaseError {
            throw KeyDatabaseError(description: error.message ?? "SQLite error \(error.resultCode.rawValue)")
        } catch {
            throw KeyDatabaseError(description: "it cannot be read")
        }
    }
}
