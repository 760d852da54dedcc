import Foundation
import Testing

/// Requests with `content-encoding: gzip`, over both protocols, small and large.
@Suite struct CompressedBodyTests {
    private func gzipped(_ text: String, in scratch: Scratch) async throws -> String {
        let path = scratch.file("body.json")
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let made = try await run("gzip", ["--force", path])
        #expect(made.succeeded)
        return path + ".gz"
    }

    @Test(arguments: [Protocol.http1, .http2], [10, 400_000])
    func theExecutorGetsWhatWasCompressed(speaking: Protocol, filler: Int) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, _ in
            // Random text, so that the compressed body is still large.
            var random = SystemRandomNumberGenerator()
            let text = String((0..<filler).map { _ in "abcdefghijklmnop0123456789".randomElement(using: &random)! })
            let body = #"{"model":"demo","max_tokens":1,"messages":[{"role":"user","content":"\#(text)"}]}"#
            let path = try await gzipped(body, in: scratch)
            let answer = try await server.curl(
                "/v1/chat/completions",
                speaking,
                arguments: [
                    "--header", "content-type: application/json", "--header", "content-encoding: gzip",
                    "--data-binary", "@" + path,
                ]
            )
            #expect(answer.status == 200, "\(answer.body.prefix(300))")
            let line = try await server.logged("the request") { $0.path.string == "/v1/chat/completions" }
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            #expect(line.bytes_in.int == size)
            #expect(line.end.string == "complete")
        }
    }

    @Test func otherCodingsAreToldWhichAreTaken() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let answer = try await server.curl(
                "/v1/chat/completions",
                body: "{}",
                arguments: ["--header", "content-encoding: br"]
            )
            #expect(answer.status == 415)
            #expect(answer["accept-encoding"] == "gzip, zstd")
            try expect(answer.json) { $0.error.code.string == "unsupported_content_encoding" }
        }
    }
}
