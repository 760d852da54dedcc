import Foundation
import Testing

/// Runs `freeinference maintenance` and `freeinference status` against a real server.
@Suite struct MaintenanceTests {
    private func withCommands(_ body: (Server, Executor, Scratch) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url])
            configuration.commands = scratch.file("admin.sock")
            try await withServer(configuration) { try await body($0, executor, scratch) }
        }
    }

    @Test func requestsAreRefusedWhileStreamsGoOn() async throws {
        try await withCommands { server, executor, scratch in
            let body = chat(tokens: 60, more: #""simulator":{"pace":20,"prefill_ms":1}"#)
            let stream = try await server.streamingCurl(body: body, in: scratch)
            try await executor.counter("emitted", reaches: 2)
            let on = try await server.command("maintenance", "on", "--text", "Back at five.", "--retry-after", "90")
            #expect(on.succeeded && on.output.contains("503"), "\(on)")
            for speaking in Protocol.allCases {
                let answer = try await server.curl(
                    "/v1/chat/completions",
                    speaking,
                    secure: false,
                    body: chat(tokens: 1)
                )
                #expect(answer.status == 503 && answer["retry-after"] == "90", "\(answer)")
                #expect(answer.body.contains("Back at five."), "\(answer)")
            }
            let anthropic = try await server.curl("/v1/messages", body: chat(tokens: 1))
            #expect(anthropic.status == 503 && anthropic.body.hasPrefix(#"{"type":"error""#), "\(anthropic)")
            for path in ["/health", "/v1/models"] {
                try await expect(server.curl(path)) { $0.status == 200 }
            }
            // The maintenance continues after a reload.
            var next = server.configuration
            next.settings = "keep_alive: 4s"
            try server.replaceFile(next.yaml(server.certificates))
            #expect(try await server.command("reload").succeeded)
            try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) { $0.status == 503 }
            try await expect(server.admin("/health/deep").json) { $0.maintenance.bool == true }
            let status = try await server.command("status")
            #expect(status.output.contains("MAINTENANCE") && status.output.contains("Back at five."), "\(status)")
            let metrics = try await server.metrics()
            #expect(metrics.sum("freeinference_maintenance") == 1)
            // Refused were one request for each protocol, one of Anthropic's API, and one after the reload.
            let refused = metrics["freeinference_exchanges_total", ["model": "", "end": "maintenance", "side": "edge"]]
            #expect(refused == Double(Protocol.allCases.count + 2))
            _ = try await server.logged("the refusal") { $0.end.string == "maintenance" && $0.side.string == "edge" }

            #expect(try await stream.ending() == .exited(0) && stream.output.contains("[DONE]"))
            #expect(try await server.command("maintenance", "off").succeeded)
            try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) { $0.status == 200 }
            #expect(server.process.errors.contains("maintenance on asked by "))
        }
    }

    @Test func statusIsATableAndJSON() async throws {
        try await withCommands { server, executor, scratch in
            let table = try await server.command("status")
            for part in ["ready for", "generation 1", "demo", executor.url, "healthy", "CERTIFICATE", "DAYS LEFT"] {
                #expect(table.succeeded && table.output.contains(part), "\(part): \(table)")
            }
            let status = try JSON(parsing: try await server.command("status", "--json").output)
            #expect(status.state.string == "ready" && status.models[0].executors[0].url.string == executor.url)
            #expect(status.models[0].queued.int == 0 && status.orders.array.isEmpty, "\(status)")
            #expect(status.certificates[0].days_left.int.map { $0 > 0 } == true, "\(status)")
            let watch = try await ChildProcess.start(
                Repository.binary,
                ["status", "--watch", "--socket", server.configuration.commands ?? ""],
                in: scratch
            )
            try await eventually("two pictures") {
                watch.output.components(separatedBy: "generation 1").count > 2 ? true : nil
            }
            watch.signal(2)
            #expect(try await watch.ending() == .exited(0))
        }
    }

    /// The server survives unknown commands, invalid HTTP and incomplete requests on its command socket.
    @Test func garbageOnTheSocketIsAnswered() async throws {
        try await withCommands { server, _, _ in
            let path = server.configuration.commands ?? ""
            for bytes in [
                "garbage\r\n\r\n", "POST /reload", "\u{0}\u{1}\u{2}", "GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n",
                "POST /executors/drain HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\nx",
                "POST /maintenance/on?text=\(String(repeating: "61", count: 60_000)) HTTP/1.1\r\nhost: x\r\n\r\n",
            ] {
                let connection = try await RawConnection(to: .unix(path: path))
                try? await connection.send(bytes)
                connection.close()
            }
            // The server accepts at most 64 connections on the command socket at once. The other idle connections wait
            // in the socket's backlog.
            var idle: [RawConnection] = []
            for _ in 0..<100 { idle.append(try await RawConnection(to: .unix(path: path))) }
            for connection in idle { connection.close() }
            let status = try JSON(parsing: try await server.command("status", "--json").output)
            #expect(status.state.string == "ready" && status.maintenance.isNull, "\(status)")
            try await expect(server.curl("/v1/chat/completions", body: chat(tokens: 1))) { $0.status == 200 }
        }
    }
}
