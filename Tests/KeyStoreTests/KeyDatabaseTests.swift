import Foundation
import GRDB
import Routing
import Testing

@testable import KeyStore

@Suite struct KeyDatabaseTests {
    /// Runs `body` with the path of a database in a new folder, and removes the folder afterwards.
    private func withPath(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "keys.sqlite").path)
    }

    private func record(_ id: String, created: Int = 1, _ change: (inout AccessKey) -> Void = { _ in })
        -> KeyDatabase.Record
    {
        var key = AccessKey(id: id, hash: [UInt8](repeating: UInt8(id.utf8.first!), count: 32), tenant: "t'; DROP--")
        change(&key)
        return KeyDatabase.Record(key: key, created: created)
    }

    @Test func keepsEverythingOfAKey() throws {
        try withPath { path in
            let all = record("b", created: 5) {
                $0.role = .observer
                $0.models = ["m1", "/models/x"]
                $0.limits = KeyLimits(concurrency: 1, requestsPerMinute: 2, tokensPerMinute: 3, prefillResets: 4)
                $0.priority = PriorityRule(usual: .bulk, choices: [.interactive, .standard])
                $0.expires = 77
            }
            let database = try KeyDatabase(editing: path)
            try database.add(all)
            try database.add(record("a"))
            #expect(try database.records() == [record("a"), all])
            #expect(try KeyDatabase(reading: path).keys() == [record("a").key, all.key])
        }
    }

    /// A database that an earlier version wrote lacks the columns `missing`.
    ///
    /// It can be read nevertheless, and the first command that edits it adds the columns.
    @Test(arguments: [["prefill_resets", "priority", "priority_choices"], ["priority", "priority_choices"]])
    func anOlderDatabaseIsReadAndGetsTheNewColumns(missing: [String]) throws {
        try withPath { path in
            try KeyDatabase(editing: path).add(record("a"))
            let database = try DatabaseQueue(path: path)
            for column in missing {
                try database.write { try $0.execute(sql: "ALTER TABLE key DROP COLUMN \(column)") }
            }
            try database.close()
            #expect(try KeyDatabase(reading: path).keys() == [record("a").key])
            let newer = record("b", created: 2) {
                $0.limits.prefillResets = 7
                $0.priority = PriorityRule(usual: .interactive, choices: [.bulk])
            }
            try KeyDatabase(editing: path).add(newer)
            #expect(try KeyDatabase(reading: path).keys() == [record("a").key, newer.key])
        }
    }

    @Test func aPriorityOfAnotherVersionIsAFault() throws {
        try withPath { path in
            try KeyDatabase(editing: path).add(record("a"))
            let database = try DatabaseQueue(path: path)
            try database.write { try $0.execute(sql: "UPDATE key SET priority = 'urgent'") }
            try database.close()
            #expect(throws: KeyDatabaseError.self) { try KeyDatabase(reading: path).keys() }
        }
    }

    @Test func noModelsAreNotAllModels() throws {
        try withPath { path in
            let database = try KeyDatabase(editing: path)
            try database.add(record("a") { $0.models = [] })
            #expect(try database.keys().first?.models == [])
        }
    }

    @Test func aRevokedKeyIsListedAndNotInForce() throws {
        try withPath { path in
            let database = try KeyDatabase(editing: path)
            try database.add(record("a"))
            try database.add(record("b"))
            #expect(try database.revoke("a", at: 9))
            #expect(try !database.revoke("a", at: 10), "it is revoked already")
            #expect(try !database.revoke("c", at: 9))
            #expect(try database.keys().map(\.id) == ["b"])
            #expect(try database.records().map(\.revoked) == [9, nil])
            #expect(try database.keysWithRevoked().map(\.isRevoked) == [true, false])
        }
    }

    @Test func idsAndHashesAreOnce() throws {
        try withPath { path in
            let database = try KeyDatabase(editing: path)
            try database.add(record("a"))
            #expect(throws: KeyDatabaseError.self) { try database.add(record("a") { $0.hash[0] = 0 }) }
            let error = #expect(throws: KeyDatabaseError.self) { try database.add(record("ab")) }
            #expect(error?.description.contains("hash") == true)
            #expect(error?.description.contains("DROP") == false, "values do not get into messages")
        }
    }

    @Test func aChangeOfAnotherConnectionIsSeen() throws {
        try withPath { path in
            let writer = try KeyDatabase(editing: path)
            let reader = try KeyDatabase(reading: path)
            let before = try reader.dataVersion()
            #expect(try reader.dataVersion() == before)
            try writer.add(record("a"))
            let after = try reader.dataVersion()
            #expect(after != before)
            #expect(try reader.keys().map(\.id) == ["a"])
            _ = try writer.revoke("a", at: 1)
            #expect(try reader.dataVersion() != after)
        }
    }

    @Test func whatIsNoDatabaseOfKeysIsAnError() throws {
        try withPath { path in
            #expect(throws: KeyDatabaseError.self) { try KeyDatabase(reading: path) }
            #expect(!FileManager.default.fileExists(atPath: path), "reading makes none")
            try Data("keys:\n".utf8).write(to: URL(filePath: path))
            #expect(throws: KeyDatabaseError.self) { try KeyDatabase(reading: path) }
            #expect(throws: KeyDatabaseError.self) { try KeyDatabase(editing: path) }
            try Data().write(to: URL(filePath: path))
            #expect(throws: KeyDatabaseError.self) { try KeyDatabase(reading: path) }
        }
    }
}
