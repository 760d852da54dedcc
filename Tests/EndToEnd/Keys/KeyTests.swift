import Foundation
import Testing

/// Authentication by API keys from a database or a YAML file, in the header `authorization` or `x-api-key`.
@Suite struct KeyTests {
    @Test func allKeysThatAreNotGoodAreAnsweredAlike() async throws {
        try await withKeys { server, executor, store in
            let good = try await store.create()
            // The command refuses an expiry in the past, so the test edits the database.
            let expired = try await store.create(["--expires", "2099-01-01"])
            let edit =
                "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]);"
                + " d.execute('UPDATE key SET expires = 1 WHERE id = ?', sys.argv[2:]); d.commit()"
            try await expect(run("python3", ["-c", edit, store.path, expired.id])) { $0.succeeded }
            let revoked = try await store.create()
            try await store.revoke(revoked.id)
            // Once the last key is in force, all earlier changes are too.
            let last = try await store.create()
            try await eventually("the last key", within: .seconds(10)) {
                try await server.chat(key: last.key).status == 200 ? true : nil
            }
            try await expect(server.chat(key: good.key)) { $0.status == 200 }
            try await expect(server.chat(key: good.key, field: "x-api-key: ")) { $0.status == 200 }

            let unknown = "fi-" + String(repeating: "A", count: 43)
            let malformed = [
                "x", "fi-", good.key + "x", String(good.key.dropLast()), String(repeating: "k", count: 9000),
            ]
            var bodies: Set<String> = []
            for key in [nil, unknown, expired.key, revoked.key] + malformed {
                for field in ["authorization: Bearer ", "x-api-key: "] {
                    let answer = try await server.chat(key: key, field: field)
                    #expect(answer.status == 401)
                    #expect(answer["www-authenticate"] == "Bearer")
                    #expect(answer["x-request-id"] != nil)
                    bodies.insert(answer.body)
                }
            }
            #expect(bodies.count == 1)
            // Only the log gives the reason, with the key's id for a known key.
            let refused = try await server.settledLog().filter { $0.status.int == 401 }
            func keys(_ detail: String) -> Set<String?> {
                Set(refused.filter { $0.detail.string == detail }.map { $0["key"].string })
            }
            #expect(keys("no key") == [nil])
            #expect(keys("unknown key") == [nil])
            #expect(keys("expired key") == [expired.id])
            #expect(keys("revoked key") == [revoked.id])
            #expect(refused.allSatisfy { $0.tenant == .null && $0.detail.string != nil }, "\(refused)")
            #expect(!bodies.contains { $0.contains("revoked") || $0.contains("expired") }, "\(bodies)")
            let error = try JSON(parsing: bodies.first ?? "").error
            #expect(error.code.string == "invalid_api_key")
            #expect(error.type.string == "authentication_error")
            // Only the requests with good keys have reached the executor.
            let counted = try await executor.counters()
            #expect(counted.finished.int.map { $0 <= 5 } == true, "\(String(describing: counted.finished.int))")
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func aRefusalDoesNotWaitForTheBody(speaking: Protocol) async throws {
        try await withKeys { server, _, store in
            let big = #"{"model":"demo","messages":"\#(String(repeating: "x", count: 4 << 20))"}"#
            let file = try store.scratch.write(big, to: "big.json")
            let answer = try await server.curl("/v1/chat/completions", speaking, body: "@" + file)
            #expect(answer.status == 401)
            let line = try await server.logged("the refusal") { $0.status.int == 401 }
            #expect(line.end.string == "unauthorized")
            #expect(line.side.string == "client")
            #expect(line.tenant == .null)
            #expect(line["key"] == .null)
        }
    }

    /// The server looks for changes four times a second; ten seconds allow for a busy machine.
    @Test func aKeyIsSoonInForceAndSoonOutOfForce() async throws {
        try await withKeys { server, _, store in
            let made = try await store.create()
            #expect(made.key.hasPrefix("fi-"))
            #expect(made.key.utf8.count == 46)
            try await eventually("the new key", within: .seconds(10)) {
                try await server.chat(key: made.key).status == 200 ? true : nil
            }
            try await store.revoke(made.id)
            try await eventually("the end of the key", within: .seconds(10)) {
                try await server.chat(key: made.key).status == 401 ? true : nil
            }
        }
    }

    @Test func aYAMLFileIsFollowedAndAFaultInItStopsNothing() async throws {
        try await withKeys("keys.yaml", prepare: { try $0.write([]) }) { server, _, store in
            let one = try await store.create(["--models", "demo"])
            let two = try await store.create(tenant: "o'neil: #2")
            try await expect(server.chat(key: one.key), "YAML is the operator's: create does not edit it") {
                $0.status == 401
            }
            try store.write([one, two])
            try await eventually("the keys", within: .seconds(10)) {
                try await server.chat(key: two.key).status == 200 ? true : nil
            }
            try await expect(server.chat(key: one.key)) { $0.status == 200 }

            try store.scratch.write("keys:\n  - id: [\n", to: "keys.yaml")
            try await eventually("the warning") {
                server.process.errors.contains("the last keys stay in force") ? true : nil
            }
            try await expect(server.chat(key: one.key)) { $0.status == 200 }
            try FileManager.default.removeItem(atPath: store.path)
            try await eventually("the next warning") { server.process.errors.contains("cannot read") ? true : nil }
            try await expect(server.chat(key: one.key)) { $0.status == 200 }

            try store.write([two])
            try await eventually("the end of the key", within: .seconds(10)) {
                try await server.chat(key: one.key).status == 401 ? true : nil
            }
            try await expect(server.chat(key: two.key)) { $0.status == 200 }
            // The server writes the message only after it has begun to use the keys, so the message may come later.
            try await eventually("the message") {
                server.process.errors.contains("can be read again") ? true : nil
            }
        }
    }

    @Test func aDatabaseThatIsGoneStopsNothing() async throws {
        try await withKeys { server, _, store in
            let made = try await store.create()
            try await eventually("the key") { try await server.chat(key: made.key).status == 200 ? true : nil }
            try FileManager.default.removeItem(atPath: store.path)
            try await eventually("the warning") {
                server.process.errors.contains("the last keys stay in force") ? true : nil
            }
            try await expect(server.chat(key: made.key)) { $0.status == 200 }
        }
    }

    @Test func modelsThatAKeyMayNotUseDoNotExistForIt() async throws {
        let models = "- {id: other, aliases: [another], executors: [{url: EXECUTOR, model: demo}]}"
        try await withKeys(models: models) { server, executor, store in
            let some = try await store.create(["--models", "other"])
            let observer = try await store.create(["--role", "observer"])
            try await eventually("the keys") {
                try await server.curl("/v1/models", arguments: ["--header", "x-api-key: " + observer.key]).status == 200
                    ? true : nil
            }
            func list(_ arguments: [String]) async throws -> [String] {
                try await server.curl("/v1/models", arguments: arguments).json.data.array.compactMap(\.id.string)
            }
            let bearer = ["--header", "authorization: Bearer " + some.key]
            try await expect(list([]), "the list needs no key") { $0 == ["demo", "other"] }
            try await expect(list(bearer)) { $0 == ["other"] }
            try await expect(server.curl("/v1/models/other", arguments: bearer)) { $0.status == 200 }
            try await expect(server.curl("/v1/models", arguments: ["--header", "x-api-key: x"])) { $0.status == 401 }
            try await expect(server.curl("/health")) { $0.status == 200 }

            let before = try await executor.counters().finished.int
            let hidden = try await server.chat(key: some.key)
            let absent = try await server.chat(key: some.key, body: chatOnce.replacing("demo", with: "none"))
            #expect(hidden.status == 404)
            #expect(absent.status == 404)
            let renamed: String = hidden.body.replacing("demo", with: "none")
            #expect(renamed == absent.body)
            let lookedUp = try await server.curl("/v1/models/demo", arguments: bearer)
            #expect(lookedUp.status == 404)
            #expect(lookedUp.body == hidden.body)
            try await expect(executor.counters().finished.int, is: before)
            try await expect(server.chat(key: some.key, body: chatOnce.replacing("demo", with: "another"))) {
                $0.status == 200
            }

            let forbidden = try await server.chat(key: observer.key)
            #expect(forbidden.status == 403)
            try expect(forbidden.json) { $0.error.code.string == "forbidden" }
        }
    }

    @Test func theKeyReachesNeitherTheExecutorNorTheLog() async throws {
        let executor = try HandMadeExecutor()
        try await withKeys(models: "- {id: mine, executors: [{url: \"\(executor.url)\", health: {interval: 0s}}]}") {
            server,
            _,
            store in
            let made = try await store.create()
            try await eventually("the key") { try await server.chat(key: made.key).status == 200 ? true : nil }
            for field in ["authorization: Bearer ", "x-api-key: "] {
                async let answer = server.chat(
                    key: made.key,
                    body: chatOnce.replacing("demo", with: "mine"),
                    field: field
                )
                let connection = try await executor.accept()
                let request = try await connection.receiveRequest()
                try await connection.answer(#"{"choices":[]}"#, more: "connection: close\r\n")
                try await expect(answer) { $0.status == 200 }
                let heard = request.line + request.fields.map { $0.name + $0.value }.joined() + request.body
                #expect(!heard.contains(made.key))
                #expect(!heard.contains("fi-"))
                connection.close()
            }
            let line = try await server.logged("the chat") { $0.model.string == "mine" }
            #expect(line.tenant.string == "acme")
            #expect(line["key"].string == made.id)
            let said = server.process.output + server.process.errors
            #expect(!said.contains(made.key))
            #expect(!said.contains(String(made.key.suffix(20))))
        }
    }
}
