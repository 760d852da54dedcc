import Foundation
import Testing

/// What the settings of a listener do: host names, required TLS server names, ACME challenges, TLS versions, and fields
/// added to every response.
@Suite struct ListenerNameTests {
    /// Runs `body` with a server that has one TLS listener and one clear listener.
    ///
    /// `secure` and `clear` are further lines of YAML for these listeners, without indentation.
    private func withServer(
        secure: [String] = [],
        clear: [String] = [],
        executors: [String] = ["http://127.0.0.1:1"],
        _ body: (Server) async throws -> Void
    ) async throws {
        let configuration = Configuration(executors: executors)
        func lines(_ keys: [String]) -> String { keys.map { "    \($0)\n" }.joined() }
        let yaml = try await configuration.yaml(Certificates.shared())
            .replacing(":\(configuration.tls)\n", with: ":\(configuration.tls)\n" + lines(secure))
            .replacing(":\(configuration.clear)\n", with: ":\(configuration.clear)\n" + lines(clear))
        try await EndToEnd.withServer(configuration, yaml: yaml, body)
    }

    @Test(arguments: [Protocol.http1, .http2], [true, false])
    func anotherHostIs421(speaking: Protocol, secure: Bool) async throws {
        let keys = ["hosts: [api.example.org, \"*.wild.example\", 127.0.0.1]"]
        try await withServer(secure: keys, clear: keys) { server in
            func status(_ host: String?, _ path: String = "/v1/models") async throws -> Int {
                let arguments = host.map { ["--header", "host: \($0)"] } ?? []
                return try await server.curl(path, speaking, secure: secure, arguments: arguments).status
            }
            for host in [nil, "API.example.org:1", "a.wild.example."] {
                #expect(try await status(host) == 200, "\(host ?? "127.0.0.1")")
            }
            for host in ["evil.example", "a.b.wild.example", "localhost"] {
                #expect(try await status(host) == 421, "\(host)")
            }
            #expect(try await status("evil.example", "/health") == (secure ? 421 : 200))
            let line = try await server.logged("the refusal") { $0.status.int == 421 }
            #expect(line.end.string == "misdirected_request" && line.side.string == "client")
            let metrics = try await server.metrics()
            let labels = ["model": "", "end": "misdirected_request", "side": "client"]
            #expect(try #require(metrics["freeinference_exchanges_total", labels]) >= 3)
        }
    }

    @Test func withoutAMatchingNameThereIsNoCertificate() async throws {
        try await withServer(secure: ["sni_strict: true"]) { server in
            for arguments in ["-noservername", "-servername other.example"] {
                let seen = try await server.openSSL(arguments)
                #expect(seen.contains("unrecognized name") && !seen.contains("BEGIN CERTIFICATE"), "\(seen)")
            }
            try await expect(server.openSSLRequest("-servername localhost")) { $0.contains("HTTP/1.1 200 OK") }
            let metrics = try await server.metrics()
            #expect(metrics["freeinference_handshake_failures_total", ["cause": "unrecognized_name"]] == 2)
        }
    }

    @Test func theLowestVersionIsKept() async throws {
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let yaml = try await configuration.yaml(Certificates.shared())
            .replacing("    tls:\n", with: "    tls:\n      minimum: \"1.3\"\n      groups: [X25519MLKEM768, P-384]\n")
        try await EndToEnd.withServer(configuration, yaml: yaml) { server in
            try await expect(server.openSSLRequest("-tls1_3 -groups P-384")) { $0.contains("HTTP/1.1 200 OK") }
            try await expect(server.openSSLRequest("-tls1_3 -groups X25519")) { $0.contains("alert handshake failure") }
            try await expect(server.openSSLRequest("-tls1_2")) { $0.contains("alert protocol version") }
        }
    }

    @Test func challengesAreServedInClear() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let folder = scratch.file(".well-known/acme-challenge")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try "token.thumbprint".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
        let clear = ["acme_webroot: \(scratch.path)", "redirect_https: true", "hosts: [api.example.org]"]
        try await withServer(clear: clear) { server in
            let path = "/.well-known/acme-challenge/"
            for speaking in Protocol.allCases {
                let answer = try await server.curl(path + "token", speaking, secure: false)
                #expect(answer.status == 200 && answer.body == "token.thumbprint", "\(speaking)")
                #expect(answer["content-type"] == "text/plain")
            }
            try await expect(server.curl(path + "missing", secure: false)) { $0.status == 404 }
            try await expect(server.curl(path + "../../x", secure: false)) { $0.status == 421 }
            try await expect(server.curl(path + "token")) { $0.status == 404 }
        }
    }

    @Test func fieldsAreInEveryResponse() async throws {
        let fields = ["response_fields:", "  strict-transport-security: max-age=31536000", "  cache-control: no-store"]
        try await withExecutor { executor in
            let clear = fields + ["redirect_https: true"]
            try await withServer(secure: fields, clear: clear, executors: [executor.url]) { server in
                func check(_ answer: Answer, _ status: Int, cache: String = "no-store") {
                    #expect(answer.status == status)
                    let named = answer.fields.filter { $0.name == "strict-transport-security" }
                    #expect(named.map(\.value) == ["max-age=31536000"], "\(answer.fields)")
                    #expect(answer.fields.filter { $0.name == "cache-control" }.map(\.value) == [cache])
                }
                let stream = "no-cache, no-transform"
                for speaking in [Protocol.http1, .http2] {
                    check(try await server.curl("/v1/models", speaking), 200)
                    check(try await server.curl("/nothing", speaking), 404)
                    let chats = "/v1/chat/completions"
                    check(try await server.curl(chats, speaking, body: chat()), 200, cache: stream)
                    check(try await server.curl(chats, speaking, body: chat(stream: false)), 200)
                    let long = ["--header", "x-long: \(String(repeating: "a", count: 40_000))"]
                    check(try await server.curl("/health", speaking, arguments: long), 431)
                }
                check(try await server.curl("/v1/models", .http1, secure: false), 308)
            }
        }
    }
}
