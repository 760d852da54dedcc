import Foundation
import Testing

/// `freeinference keys`, and what `check` reports about keys.
@Suite struct KeyCommandTests {
    /// Runs `body` with a key store and no server.
    private func withStore(
        _ file: String = "keys.sqlite",
        listener: String = "127.0.0.1:1",
        _ body: (KeyStore) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let yaml = """
            listeners: [{address: "\(listener)"}]
            authentication: {keys: \(file), secret: secret}
            models: [{id: demo, aliases: [d], executors: [{url: "http://127.0.0.1:2"}]}]
            """
        let configuration = try scratch.write(yaml, to: "freeinference.yaml")
        try await body(KeyStore(scratch: scratch, path: scratch.file(file), configuration: configuration))
    }

    private func check(_ store: KeyStore) async throws -> Completed {
        try await run(Repository.binary, ["check", "--config", store.configuration])
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test func aKeyIsShownOnceAndStoredNowhere() async throws {
        try await withStore { store in
            let made = try await store.create(
                ["--models", "demo, d", "--concurrency", "2", "--requests-per-minute", "3", "--tokens-per-minute", "4"]
                    + ["--prefill-resets", "5", "--priority", "bulk", "--priority-choices", "interactive, standard"]
                    + ["--expires", "2099-12-31"]
            )
            try expect(mode(store.scratch.file("secret"))) { $0 == 0o600 }
            let stored = try Data(contentsOf: URL(filePath: store.path))
            let bytes = Data(made.key.utf8.dropFirst(3))
            #expect(stored.range(of: bytes) == nil)
            let listed = try await store.keys(["list"])
            #expect(!listed.output.contains(made.key))
            let limits = "models=demo,d concurrency=2 requests_per_minute=3 tokens_per_minute=4 prefill_resets=5"
            let priority = "priority=bulk priority_choices=interactive,standard"
            #expect(listed.output.hasPrefix("\(made.id) tenant=acme role=user \(limits) \(priority) created="))
            #expect(listed.output.hasSuffix(" expires=2099-12-31T00:00:00Z\n"))
            try await store.revoke(made.id)
            try await expect(store.keys(["list"])) { $0.output.contains(" revoked=") }
            try await expect(store.keys(["revoke", made.id])) { $0.status == .exited(1) }
            try await expect(store.keys(["revoke", "none"])) { $0.errors.contains("no key in force has the id none") }
        }
    }

    @Test func aYAMLFileIsTheOperators() async throws {
        try await withStore("keys.yml") { store in
            try store.scratch.write("keys: []\n", to: "keys.yml")
            let made = try await store.create(["--role", "observer"])
            try expect(String(contentsOfFile: store.path, encoding: .utf8)) { $0 == "keys: []\n" }
            #expect(made.entry.contains("hash: "))
            #expect(!made.entry.contains(made.key))
            try store.scratch.write("keys:\n\(made.entry)\n", to: "keys.yml")
            try await expect(check(store)) { $0.status == .exited(0) }
            try await expect(store.keys(["list"])) { $0.output == "\(made.id) tenant=acme role=observer models=all\n" }
            let revoked = try await store.keys(["revoke", made.id])
            #expect(revoked.output.contains("take the entry with 'id: \(made.id)' out of \(store.path)"))
            let listed = try await store.keys(["list"])
            #expect(listed.output.contains(made.id))
        }
    }

    @Test func badArgumentsAreRefused() async throws {
        try await withStore { store in
            for arguments in [
                ["--tenant", ""], ["--tenant", "t", "--concurrency", "0"], ["--tenant", "t", "--expires", "soon"],
                ["--tenant", "t", "--role", "king"], [], ["--tenant", "t", "--models", " , "],
                ["--tenant", "t", "--expires", "2020-01-01"], ["--tenant", "t", "--expires", "2026-01-01T00:00:00Z"],
                ["--tenant", "t", "--priority", "high"], ["--tenant", "t", "--priority-choices", "bulk,high"],
                ["--tenant", "t", "--priority-choices", ","],
            ] {
                let completed = try await store.keys(["create"] + arguments)
                #expect(completed.status == .exited(64), "\(arguments)")
                #expect(!FileManager.default.fileExists(atPath: store.path))
            }
            try await expect(store.keys(["list"])) { $0.status == .exited(1) }
        }
    }

    @Test(arguments: ["keys.sqlite", "keys.yaml"])
    func aKeyForModelsThatThereAreNotIsRefused(file: String) async throws {
        try await withStore(file) { store in
            try store.scratch.write("keys: []\n", to: "keys.yaml")
            for models in ["gone", "demo,gone", "Demo"] {
                let refused = try await store.keys(["create", "--tenant", "t", "--models", models])
                #expect(refused.status == .exited(1), "\(models)")
                #expect(refused.output.isEmpty, "\(models)")
                let name = models.split(separator: ",").last ?? ""
                #expect(refused.errors.contains("the configuration has no model '\(name)'; it has: demo, d"))
            }
            #expect(!FileManager.default.fileExists(atPath: store.scratch.file("secret")))
        }
    }

    /// With a new secret every existing key would be unknown, so no second secret is created while keys exist.
    @Test(arguments: ["keys.sqlite", "keys.yaml"])
    func noSecondSecretIsMadeBesideKeys(file: String) async throws {
        try await withStore(file) { store in
            if file == "keys.yaml" { try store.scratch.write("keys: []\n", to: file) }
            let made = try await store.create()
            if file == "keys.yaml" { try store.write([made]) }
            let secret = store.scratch.file("secret")
            try FileManager.default.moveItem(atPath: secret, toPath: secret + ".away")
            let words = "the 1 keys there are were hashed under another"
            let refused = try await store.keys(["create", "--tenant", "t"])
            #expect(refused.status == .exited(1))
            #expect(refused.output.isEmpty)
            #expect(refused.errors.contains(words))
            let served = try await run(Repository.binary, ["serve", "--config", store.configuration])
            #expect(served.status == .exited(1))
            #expect(served.errors.contains(words))
            let checked = try await check(store)
            #expect(checked.status == .exited(2))
            #expect(
                checked.output.contains(":2:45: authentication.secret: ") || file == "keys.yaml",
                "\(checked.output)"
            )
            #expect(checked.output.contains(words))
            #expect(!FileManager.default.fileExists(atPath: secret))
            try FileManager.default.moveItem(atPath: secret + ".away", toPath: secret)
            try await expect(store.keys(["create", "--tenant", "t"])) { $0.succeeded }
            // If all keys are revoked, a new secret invalidates none.
            guard file == "keys.sqlite" else { return }
            for line in try await store.keys(["list"]).output.split(separator: "\n") {
                try await store.revoke(String(line.prefix { $0 != " " }))
            }
            try FileManager.default.removeItem(atPath: secret)
            try await expect(store.keys(["create", "--tenant", "t"])) { $0.succeeded }
        }
    }

    @Test func checkFindsKeysThatCannotBeRead() async throws {
        try await withStore { store in
            let absent = try await check(store)
            #expect(absent.status == .exited(2))
            #expect(absent.output.contains("authentication.keys: cannot read \(store.path): No such file"))
            try store.scratch.write("no database", to: "keys.sqlite")
            let other = try await check(store)
            #expect(other.status == .exited(2))
            #expect(other.output.contains("cannot read \(store.path): "))
        }
        try await withStore("keys.yaml") { store in
            try store.scratch.write("keys:\n  - {id: a, hash: x, tenant: t}\n", to: "keys.yaml")
            try store.scratch.write("short", to: "secret")
            let seen = try await check(store)
            #expect(seen.status == .exited(2))
            #expect(seen.output.contains("\(store.path):2:19: keys[].hash: expected 64 hexadecimal digits"))
            #expect(seen.output.contains(":2:43: authentication.secret: "))
            #expect(seen.output.contains("between 32 and 4096 bytes"))
            let served = try await run(Repository.binary, ["serve", "--config", store.configuration])
            #expect(served.status == .exited(1))
            #expect(served.errors.contains("cannot start: "))
        }
    }

    @Test func checkWarnsOfKeysInTheClear() async throws {
        try await withStore(listener: "0.0.0.0:1") { store in
            _ = try await store.create()
            let seen = try await check(store)
            #expect(seen.status == .exited(0))
            #expect(seen.output.contains(":1:23: warning: keys pass 0.0.0.0:1 in clear"))
        }
        try await withStore { store in
            _ = try await store.create()
            try await expect(check(store)) { !$0.output.contains("warning") }
            try FileManager.default.removeItem(atPath: store.scratch.file("secret"))
            try await expect(check(store)) { $0.output.contains("the 1 keys there are were hashed under another") }
            #expect(!FileManager.default.fileExists(atPath: store.scratch.file("secret")), "check makes nothing")
        }
    }
}
