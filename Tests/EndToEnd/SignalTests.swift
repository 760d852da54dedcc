import Foundation
import Testing

/// Tests signals that the server does not use, and a server that is started with stdin, stdout or stderr closed.
@Suite struct SignalTests {
    @Test func aSignalWithoutAMeaningEndsNothing() async throws {
        try await withServer { server, _ in
            server.process.signal(SIGUSR1)
            let text = "there is no file to open again"
            _ = try await eventually(text) { server.process.errors.contains(text) ? true : nil }
            try await expect(server.curl("/health")) { $0.status == 200 }
        }
    }

    @Test func quitDrains() async throws {
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            let live = try await server.connect()
            let body = chat(tokens: 60, more: #""simulator":{"pace":50,"prefill_ms":5}"#)
            try await live.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            _ = try await live.receive(until: "emitted_ns")
            server.process.signal(SIGQUIT)
            try await expect(live.receiveToEnd()) { $0.text.contains("[DONE]") }
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }

    @Test func closedDescriptorsAreOpenedOnNothing() async throws {
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url])
            try await withServer(configuration, launcher: ["sh", "-c", #"exec "$@" <&-"#, "sh"]) { server in
                let health = try await server.curl("/health")
                let path = "/proc/\(server.process.identifier)/fd/0"
                let input = try FileManager.default.destinationOfSymbolicLink(atPath: path)
                #expect(health.status == 200)
                #expect(input == "/dev/null")
            }
        }
    }
}
