import Foundation
import Testing

/// Tests the command `serve --executor`, which runs without a configuration file.
///
/// Its port is fixed, so it runs in its own network namespace, which needs root.
@Suite(.enabled(if: PrivateNames.areAvailable)) struct ServeCommandTests {
    /// Runs a shell script in a network namespace that has only loopback; `$1` is the path of the binary.
    private func inOwnNetwork(_ script: String) async throws -> Completed {
        try await run("unshare", ["--net", "sh", "-c", "ip link set lo up; \(script)", "sh", Repository.binary])
    }

    /// The end of a shell script: waits until the server's messages show a curl command, runs it, and ends both
    /// processes.
    private func tryTheLine(in messages: String, _ scratch: Scratch) -> String {
        """
        for _ in $(seq 600); do grep -q 'try: curl' \(messages) && break; sleep 0.1; done
        sed -n '/try: curl/,/data/p' \(messages) | sed 's/.*try: //' > \(scratch.file("line"))
        sh \(scratch.file("line"))
        kill $server $executor
        wait $server
        """
    }

    @Test func theLineThatIsShownStreams() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let messages = scratch.file("messages")
        let completed = try await inOwnNetwork(
            """
            "$1" executor --listen 127.0.0.1:8001 >/dev/null 2>&1 & executor=$!
            for _ in $(seq 600); do curl --silent 127.0.0.1:8001/v1/models >/dev/null && break; sleep 0.1; done
            "$1" serve --executor http://127.0.0.1:8001 >/dev/null 2>\(messages) & server=$!
            \(tryTheLine(in: messages, scratch))
            """
        )
        let text = try String(contentsOfFile: messages, encoding: .utf8)
        #expect(completed.output.contains("data: [DONE]"), "\(completed)\n\(text)")
        #expect(text.contains("listening on 127.0.0.1:8080"), "\(text)")
    }

    /// The server is ready before the engine runs, and prints a curl command to try once the engine lists a model.
    @Test func anEngineMayComeLater() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let messages = scratch.file("messages")
        let completed = try await inOwnNetwork(
            """
            "$1" serve --executor 127.0.0.1:8001 >/dev/null 2>\(messages) & server=$!
            for _ in $(seq 600); do grep -q 'no engine has listed a model yet' \(messages) && break; sleep 0.1; done
            curl --silent 127.0.0.1:8080/v1/models
            "$1" executor --listen 127.0.0.1:8001 >/dev/null 2>&1 & executor=$!
            \(tryTheLine(in: messages, scratch))
            """
        )
        let text = try String(contentsOfFile: messages, encoding: .utf8)
        #expect(completed.output.contains(#""data":[]"#), "\(completed)\n\(text)")
        #expect(completed.output.contains("data: [DONE]"), "\(completed)\n\(text)")
        #expect(text.contains("http://127.0.0.1:8001: its models are not known yet"), "\(text)")
    }

    @Test func anEngineThatIsNoURLIsAnError() async throws {
        let wrong = try await run(Repository.binary, ["serve", "--executor", "ftp://x"])
        #expect(wrong.status == .exited(64) && wrong.errors.contains("--executor"), "\(wrong)")
    }
}
