import Foundation
import Testing

/// Large request bodies: every byte arrives, and their memory is bounded.
@Suite struct UploadTests {
    private static func body(_ bytes: Int) -> String {
        chat(stream: false, prompt: "@", tokens: 1).replacing(
            "@",
            with: String(repeating: "0123456789abcde ", count: bytes / 16)
        )
    }

    /// curl respects HTTP/2 flow control, so 8 MiB arrive only if the server sends WINDOW_UPDATE as it reads the body.
    @Test(arguments: [Protocol.http1, .http2], [1_000_000, 8 << 20])
    func itArrivesByteForByte(_ speaking: Protocol, size: Int) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, executor in
            let file = try scratch.write(Self.body(size), to: "body.json")
            let answer = try await server.upload(file, speaking)
            #expect(answer.status == 200)
            try await expect(executor.lastDigest(), is: Self.digest(file))
            let line = try await server.logged("of the upload") { $0.path.string == "/v1/chat/completions" }
            #expect(line.bytes_in.int == size / 16 * 16 + Self.body(0).utf8.count)
        }
    }

    /// A chunked body, whose length is not announced.
    @Test func aChunkedBodyArrivesByteForByte() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, executor in
            let file = try scratch.write(Self.body(8 << 20), to: "body.json")
            let answer = try await server.upload(file, .http1, arguments: ["--header", "transfer-encoding: chunked"])
            #expect(answer.status == 200)
            try await expect(executor.lastDigest(), is: Self.digest(file))
        }
    }

    /// Large bodies are scanned on the `scan` thread, because the scan would block a worker.
    @Test(arguments: [Protocol.http1, .http2])
    func aLargeOneIsScannedOnAThreadOfItsOwn(_ speaking: Protocol) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, _ in
            let small = try scratch.write(Self.body(500_000), to: "small.json")
            let large = try scratch.write(Self.body(8 << 20), to: "large.json")
            let before = try server.process.processorTime(ofThread: "scan")
            try await expect(server.upload(small, speaking)) { $0.status == 200 }
            try expect(server.process.processorTime(ofThread: "scan"), is: before)
            try await expect(server.upload(large, speaking)) { $0.status == 200 }
            let after = try server.process.processorTime(ofThread: "scan")
            #expect(after > before)
        }
    }

    /// A body is refused before it is read if there is no memory for it now, or if it exceeds the budget.
    @Test(arguments: [Protocol.http1, .http2])
    func oneThatThereIsNoMemoryForIsRefused(_ speaking: Protocol) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "memory_limit: 16MiB") { server, executor in
            let huge = try scratch.write(Self.body(20 << 20), to: "huge.json")
            let large = try scratch.write(Self.body(14 << 20), to: "large.json")
            let small = try scratch.write(Self.body(1 << 20), to: "small.json")
            let busy = try await server.upload(large, speaking)
            #expect(busy.status == 503)
            try expect(busy.json) { $0.error.code.string == "memory" }
            #expect(busy["retry-after"] == "1")
            try await expect(server.upload(huge, speaking)) { $0.status == 413 }
            try await expect(executor.counters()) { $0.requests_by_path["/v1/chat/completions"].int == nil }
            // The charged memory is free again.
            for _ in 0..<20 { try await expect(server.upload(small, speaking)) { $0.status == 200 } }
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func manyAtOnceArriveOrAreRefused(_ speaking: Protocol) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "memory_limit: 192MiB") { server, executor in
            let file = try scratch.write(Self.body(8 << 20), to: "body.json")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await server.upload(file, speaking).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 }, "\(statuses)")
            #expect(statuses.contains(200))
            try await expect(executor.lastDigest(), is: Self.digest(file))
            for _ in 0..<3 { try await expect(server.upload(file, speaking)) { $0.status == 200 } }
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    private static func digest(_ file: String) async throws -> String {
        let completed = try await run("sha256sum", [file])
        return String(completed.output.prefix(64))
    }
}

extension Server {
    /// Sends a file as the body of a chat request.
    func upload(_ file: String, _ speaking: Protocol, arguments: [String] = []) async throws -> Answer {
        try await curl(
            "/v1/chat/completions",
            speaking,
            arguments: ["--header", "content-type: application/json", "--data-binary", "@" + file] + arguments
        )
    }
}

extension Executor {
    /// SHA-256 of the last request body that the executor received.
    fileprivate func lastDigest() async throws -> String {
        let script = """
            import hashlib, json, sys, urllib.request
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            last = json.load(opener.open(sys.argv[1] + "/simulator/last"))
            print(hashlib.sha256(last["body"].encode()).hexdigest())
            """
        let completed = try await run(Repository.python, ["-c", script, url])
        return completed.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
