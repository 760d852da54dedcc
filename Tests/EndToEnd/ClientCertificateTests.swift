import Foundation
import Testing

/// Tests client certificates (`client_ca`): which clients are served, what refused clients see, and what the log and
/// the metrics say.
@Suite struct ClientCertificateTests {
    /// Runs `body` with a server whose TLS listener asks clients for a certificate.
    private func withServer(
        _ rule: String,
        _ body: (Server, ClientCertificates) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let clients = try await ClientCertificates(in: scratch)
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let yaml = try await configuration.yaml(Certificates.shared())
            .replacing(":\(configuration.tls)\n", with: ":\(configuration.tls)\n    \(Self.keys(clients, rule))\n")
        try await EndToEnd.withServer(configuration, yaml: yaml) { try await body($0, clients) }
    }

    private static func keys(_ clients: ClientCertificates, _ rule: String) -> String {
        "client_ca: \(clients.authority)\n    client_certificate: \(rule)"
    }

    @Test(arguments: [Protocol.http1, .http2], ["1.2", "1.3"])
    func aValidCertificateIsServedAndLogged(speaking: Protocol, version: String) async throws {
        try await withServer("required") { server, clients in
            let answer = try await server.curl(
                "/v1/models",
                speaking,
                arguments: clients.curl("valid") + ["--tlsv\(version)", "--tls-max", version]
            )
            #expect(answer.status == 200 && answer.exitCode == 0)
            let line = try await server.logged("the request") { $0.path.string == "/v1/models" }
            #expect(line.client_certificate.subject.string == "CN=valid,O=Test")
            let shown = try await clients.fingerprint("valid")
            let fingerprint = try #require(line.client_certificate.fingerprint.string)
            #expect(shown.lowercased().replacing(":", with: "").contains(fingerprint), "\(shown) \(fingerprint)")
        }
    }

    /// curl fails when the server refuses a client certificate.
    ///
    /// In TLS 1.3, curl learns of the refusal only when it sends or reads, and exits with 55 or 56. It exits with 60
    /// for the alert `certificate_expired`.
    @Test(arguments: ["1.2", "1.3"]) func othersAreRefusedAndCounted(version: String) async throws {
        try await withServer("required") { server, clients in
            let versions = ["--tlsv\(version)", "--tls-max", version]
            for arguments in [[], clients.curl("expired"), clients.curl("stranger")] {
                for speaking in [Protocol.http1, .http2] {
                    let answer = try await server.curl("/v1/models", speaking, arguments: arguments + versions)
                    #expect(
                        answer.status == 0 && [35, 55, 56, 60].contains(answer.exitCode),
                        "\(arguments): \(answer)"
                    )
                }
            }
            let metrics = try await server.metrics()
            let name = "freeinference_handshake_failures_total"
            #expect(metrics[name, ["cause": "client_certificate_missing"]] == 2)
            #expect(metrics[name, ["cause": "client_certificate_invalid"]] == 4)
            #expect(server.log.isEmpty, "no request was read")
            #expect(server.process.errors.contains("127.0.0.1 is refused for its client certificate"))
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func theAlertsAreTheRightOnes(version: String) async throws {
        try await withServer("required") { server, clients in
            let none = version == "-tls1_3" ? "certificate required" : "handshake failure"
            let cases = [
                ("", none), (clients.openSSL("expired"), "certificate expired"),
                (clients.openSSL("stranger"), "unknown ca"),
            ]
            for (arguments, alert) in cases {
                let seen = try await server.openSSLRequest("\(version) \(arguments)")
                #expect(seen.contains("alert \(alert)") && !seen.contains("HTTP/1.1 200"), "\(seen)")
            }
            let seen = try await server.openSSLRequest("\(version) \(clients.openSSL("valid"))")
            #expect(seen.contains("HTTP/1.1 200 OK") && seen.contains("CN = ca"), "\(seen)")
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func whereItIsOptionalABadOneIsStillRefused(version: String) async throws {
        try await withServer("optional") { server, clients in
            for arguments in ["", clients.openSSL("valid")] {
                let seen = try await server.openSSLRequest("\(version) \(arguments)")
                #expect(seen.contains("HTTP/1.1 200 OK"), "\(seen)")
                #expect(!seen.contains("\nReused, "))
            }
            for name in ["expired", "stranger"] {
                let seen = try await server.openSSLRequest("\(version) \(clients.openSSL(name))")
                #expect(seen.contains("alert ") && !seen.contains("HTTP/1.1 200"), "\(seen)")
            }
            try await expect(server.curl("/v1/models", secure: false)) { $0.status == 200 }
        }
    }

    @Test func anotherAuthorityIsInForceAfterAReload() async throws {
        try await withServer("required") { server, clients in
            try await expect(server.curl("/v1/models", arguments: clients.curl("valid"))) { $0.status == 200 }
            let file = try String(contentsOfFile: clients.otherAuthority, encoding: .utf8)
            try file.write(toFile: clients.authority, atomically: true, encoding: .utf8)
            server.process.signal(SIGHUP)
            try await eventually("the other authority") {
                try await server.curl("/v1/models", arguments: clients.curl("stranger")).status == 200 ? true : nil
            }
            try await expect(server.curl("/v1/models", arguments: clients.curl("valid"))) { $0.status == 0 }
            #expect(server.process.errors.contains("client_ca: new contents of the file"), "\(server.process.errors)")
        }
    }
}
