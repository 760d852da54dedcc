import Foundation
import Testing

/// Clients that speak something else than their port, and listeners without HTTP/2.
@Suite struct OtherProtocolTests {
    @Test func whatCameIsSaidAndCounted() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let plain = try await RawConnection(port: server.configuration.tls)
            try await plain.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            let told = try await plain.receiveToEnd()
            #expect(told.text.hasPrefix("HTTP/1.1 400 ") && told.text.contains("https://") && told.ending == .closed)
            for text in ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "\u{16}\u{3}\u{1}\u{2}"] {
                let other = try await server.connect()
                try await other.send(text)
                let answer = try await other.receiveToEnd()
                #expect(answer.text.isEmpty)
            }
            _ = try await eventually("the first warning") {
                server.process.errors.contains("127.0.0.1 sent HTTP in clear to a listener with tls") ? true : nil
            }
            let metrics = try await server.metrics()
            for protocolName in ["http_on_tls", "proxy_header", "tls_in_clear"] {
                let count = metrics["freeinference_other_protocol_connections_total", ["protocol": protocolName]]
                #expect(count == 1, "\(protocolName)")
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
            #expect(answer.status == 200 && answer.version == "1.1")
        }
    }
}
