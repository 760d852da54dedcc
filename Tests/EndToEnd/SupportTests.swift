import Glibc
import Testing

/// Tests of the test harness itself; they need no server.
@Suite struct SupportTests {
    @Test func programsAreRunToTheirEnd() async throws {
        let completed = try await run("sh", ["-c", "echo '{\"a\":[1,\"x\"]}'; echo word >&2; exit 3"])
        #expect(completed.status == .exited(3))
        #expect(completed.lines.first?.a[1].string == "x")
        #expect(completed.errors == "word\n")
    }

    @Test func programsThatHangAreEnded() async throws {
        await #expect(throws: Unmet.self) { try await run("sleep", ["60"], within: .milliseconds(100)) }
    }

    @Test func childrenAreSignalled() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let child = try await ChildProcess.start("sleep", ["60"], in: scratch)
        #expect(child.isRunning)
        try await expect(child.stop(), is: .signaled(SIGTERM))
        #expect(!child.isRunning)
    }

    /// A crash or a sanitizer report fails the test that started the program, without any check in that test.
    @Test(arguments: ["kill -ABRT $$", "echo 'WARNING: ThreadSanitizer: data race (pid=1)' >&2"])
    func crashesAndSanitizersAreNoticed(_ script: String) async {
        await withKnownIssue { _ = try await run("sh", ["-c", script]) }
    }

    @Test func rawConnectionsSeeEveryByte() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let port = Port.free()
        let script = """
            import socket, sys
            s = socket.create_server(("127.0.0.1", \(port)))
            c, _ = s.accept(); c.recv(100)
            c.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nabc\\r\\n0\\r\\n\\r\\n")
            c.recv(100); c.sendall(b"end"); c.close()
            """
        let child = try await ChildProcess.start("python3", ["-c", script], in: scratch)
        let connection = try await eventually("a listener") { try? await RawConnection(port: port) }
        try await connection.send("GET / HTTP/1.1\r\n\r\n")
        let answer = try await connection.receiveAnswer()
        #expect(answer.status == 200)
        #expect(answer.body == "abc")
        try await connection.send("x")
        let rest = try await connection.receiveToEnd()
        #expect(rest.text == "end")
        #expect(rest.ending == .closed)
        try await child.stop()
    }

    @Test func eventStreamsAreRead() {
        #expect(eventData(": c\n\ndata: {\"a\":1}\n\ndata: [DONE]\n\n") == ["{\"a\":1}", "[DONE]"])
    }
}
