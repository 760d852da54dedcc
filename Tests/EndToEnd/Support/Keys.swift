import Foundation
import Testing

/// A key store and the `keys` command that edits it.
struct KeyStore: Sendable {
    let scratch: Scratch
    let path: String
    let configuration: String

    struct Made: Sendable {
        let key: String
        let id: String
        /// The key's entry for a YAML file.
        let entry: String
    }

    func keys(_ arguments: [String]) async throws -> Completed {
        try await run(Repository.binary, ["keys"] + arguments + ["--config", configuration])
    }

    func create(_ arguments: [String] = [], tenant: String = "acme") async throws -> Made {
        let made = try await keys(["create", "--tenant", tenant] + arguments)
        guard made.succeeded else { throw Unmet("keys create: \(made.errors)") }
        let key = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let id =
            made.errors.split(separator: "\n").last?.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
        let entry = made.errors.split(separator: "\n").filter { $0.hasPrefix("  ") }.joined(separator: "\n")
        return Made(key: key, id: id, entry: entry)
    }

    func revoke(_ id: String) async throws {
        let done = try await keys(["revoke", id])
        guard done.succeeded else { throw Unmet("keys revoke: \(done.errors)") }
    }

    /// Replaces the key file `keys.yaml` by one with these keys.
    func write(_ entries: [Made]) throws {
        try scratch.write("keys:\n" + entries.map(\.entry).joined(separator: "\n") + "\n", to: "keys.yaml")
    }
}

/// Runs `body` with a server, an executor and a key store, which `prepare` fills first.
func withKeys<Answer>(
    _ file: String = "keys.sqlite",
    executor arguments: [String] = [],
    settings: String = "",
    access: String = "",
    models: String = "",
    prepare: (KeyStore) async throws -> Void = { _ = try await $0.create() },
    _ body: (Server, Executor, KeyStore) async throws -> Answer
) async throws -> Answer {
    let scratch = try Scratch()
    defer { scratch.remove() }
    return try await withExecutor(arguments) { executor in
        let path = scratch.file(file)
        let authentication = "authentication: {keys: \(path), secret: \(scratch.file("secret"))\(access)}\n"
        let configuration = Configuration(
            executors: [executor.url],
            settings: authentication + settings,
            models: models.replacing("EXECUTOR", with: executor.url)
        )
        let text = configuration.yaml(try await Certificates.shared())
        let store = KeyStore(
            scratch: scratch,
            path: path,
            configuration: try scratch.write(text, to: "freeinference.yaml")
        )
        try await prepare(store)
        return try await withServer(configuration) { try await body($0, executor, store) }
    }
}

extension Server {
    func chat(key: String?, body: String = chatOnce, field: String = "authorization: Bearer ")
        async throws -> Answer
    {
        try await curl(
            "/v1/chat/completions",
            body: body,
            arguments: key.map { ["--header", field + $0] } ?? []
        )
    }
}

/// A chat request that is not streamed.
let chatOnce = chat(stream: false)
