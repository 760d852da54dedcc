import Testing

/// If an executor's certificate cannot be verified, the server sends no byte of the request to it.
@Suite struct ExecutorCertificateTests {
    enum Fault: String, CaseIterable, Sendable {
        case expired, otherName, otherAddress, unknownAuthority, systemAuthority
    }

    @Test(arguments: Fault.allCases, ["auto", "http1", "h2"])
    func itIsRefusedWithItsCause(fault: Fault, speaking: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let other = try Scratch()
        defer { other.remove() }
        let certificate = try await ExecutorCertificate.make(
            names: fault == .otherName || fault == .otherAddress
                ? "DNS:executor.example,IP:127.0.0.9" : "DNS:localhost,IP:127.0.0.1",
            days: fault == .expired ? -1 : 30,
            in: scratch
        )
        let stranger = try await ExecutorCertificate.make(in: other)
        let cause =
            switch fault {
            case .expired: "certificate has expired"
            case .otherName: "hostname mismatch"
            case .otherAddress: "IP address mismatch"
            // A configured CA file replaces the system's authorities. So an authority of one set is unknown where the
            // other set applies.
            case .unknownAuthority, .systemAuthority: "unable to get local issuer certificate"
            }
        try await SecureExecutor.with(certificate, in: scratch) { executor in
            var model = executor.model(
                host: fault == .otherName ? "localhost" : "127.0.0.1",
                authority: fault == .unknownAuthority ? stranger.authority : nil,
                more: ", protocol: \(speaking)"
            )
            if fault == .systemAuthority {
                model = model.replacing("tls: {ca: \(certificate.authority)}", with: "weight: 1")
            }
            try await withServer(Configuration(models: model)) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat(prompt: "a secret"))
                #expect(answer.status == 502)
                #expect(!answer.body.contains(cause))
                let line = try await server.logged("the refusal") { $0.request_id.string == answer["x-request-id"] }
                #expect(line.end.string == "executor_certificate")
                #expect(line.side.string == "executor")
                #expect(line.detail.string?.contains(cause) == true, "\(line.detail)")
            }
            try await expect(executor.get("/simulator/counters")) { $0.requests.int == 0 }
            try await expect(executor.get("/simulator/last")) { $0.body_bytes.int == 0 }
        }
    }

    @Test(arguments: [("auto", "http2"), ("h2", "http2"), ("http1", "http11")], ["localhost", "127.0.0.1"])
    func aGoodOneIsSpokenTo(speaking: (String, String), host: String) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let certificate = try await ExecutorCertificate.make(in: scratch)
        try await SecureExecutor.with(certificate, in: scratch) { executor in
            let more = ", api_key: sk-1, protocol: \(speaking.0)"
            let models =
                executor.model(host: host, more: more) + "\n"
                + executor.model("claude", host: host, more: more + ", kind: anthropic")
            try await withServer(Configuration(models: models)) { server in
                for stream in [true, false] {
                    let answer = try await server.curl("/v1/chat/completions", body: chat(stream: stream))
                    #expect(answer.status == 200)
                    #expect(answer.exitCode == 0)
                    if stream { #expect(eventData(answer.body).last == "[DONE]") }
                    let last = try await executor.get("/simulator/last")
                    #expect(last.version.string == speaking.1)
                    #expect(last.authority.string == "\(host):\(executor.port)")
                    #expect(last.headers.authorization.string == "Bearer sk-1")
                }
                let answer = try await server.curl("/v1/messages", body: chat().replacing("demo", with: "claude"))
                #expect(answer.status == 200)
                #expect(answer.body.contains("message_stop"))
                let last = try await executor.get("/simulator/last")
                #expect(last.headers["x-api-key"].string == "sk-1")
                #expect(last.headers.authorization.string == nil)
                #expect(last.headers["anthropic-version"].string == "2023-06-01")
            }
        }
    }

    @Test func anExecutorInClearBehindAnHTTPSAddressIsRefused() async throws {
        try await withExecutor { executor in
            let url = executor.url.replacing("http:", with: "https:")
            try await withServer(Configuration(executors: [url])) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat())
                #expect(answer.status == 502)
                let line = try await server.logged("the refusal") { $0.request_id.string == answer["x-request-id"] }
                #expect(line.end.string == "executor_unreachable")
                #expect(line.detail.string?.hasPrefix("TLS: ") == true, "\(String(describing: line.detail.string))")
            }
            try await expect(executor.counters()) { $0.requests_by_path["/v1/chat/completions"].int == nil }
        }
    }
}
