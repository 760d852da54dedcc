import Foundation
import Testing

/// Clients that speak another protocol than their port, and listeners without HTTP/2.
@Suite struct OtherProtocolTests {
    @Test func whatCameIsSaidAndCounted() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for line in ["GET / HTTP/1.1", "OPTIONS /v1/models HTTP/1.1"] {
                let plain = try await RawConnection(port: server.configuration.tls)
                try await plain.send(line + "\r\nhost: x\r\n\r\n")
                let told = try await plain.receiveToEnd()
                #expect(told.text.hasPrefix("HTTP/1.1 400 "))
                #expect(told.text.contains("https://"))
                #expect(told.ending == .closed)
            }
            let proxy = try await RawConnection(port: server.configuration.tls)
            try await proxy.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
            try await expect(proxy.receiveToEnd()) { $0.text.isEmpty }
            for text in ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "\u{16}\u{3}\u{1}\u{2}"] {
                let other = try await server.connect()
                try await other.send(text)
                let answer = try await other.receiveToEnd()
                #expect(answer.text.isEmpty)
            }
            // Messages are rate-limited per kind, so one kind does not suppress another.
            for what in [
                "HTTP in clear to a listener with tls", "a PROXY protocol header", "TLS to a listener without tls",
            ] {
                _ = try await eventually("a warning of \(what)") {
                    server.process.errors.contains("127.0.0.1 sent \(what)") ? true : nil
                }
            }
            let metrics = try await server.metrics()
            for (protocolName, expected) in [("http_on_tls", 2.0), ("proxy_header", 2), ("tls_in_clear", 1)] {
                let count = metrics["freeinference_other_protocol_connections_total", ["protocol": protocolName]]
                #expect(count == expected, "\(protocolName)")
            }
        }
    }

    @Test func aListenerWithoutHTTP2SpeaksHTTP1Alone() async throws {
        let settings = Configuration(executors: ["http://127.0.0.1:1"])
        let yaml = { (certificates: Certificates) in
            settings.yaml(certificates).replacingOccurrences(of: "    tls:\n", with: "    http2: false\n    tls:\n")
        }
        let certificates = try await Certificates.shared()
        try await withServer(settings, yaml: yaml(certificates)) { server in
            let answer = try await server.curl("/health", .http2)
            #expect(answer.status == 200)
            #expect(answer.version == "1.1")
        }
    }
}
