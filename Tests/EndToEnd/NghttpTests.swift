import Foundation
import Testing

/// nghttp, nghttp2's own client: many streams on one connection.
@Suite struct NghttpTests {
    @Test(arguments: [true, false])
    func streamsOfOneConnectionTakeTurns(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, executor in
            // Each stream lasts two seconds, so that all requests reach the executor before the first one ends.
            let body = try scratch.write(chat(tokens: 100), to: "body.json")
            let url = (secure ? server.tls : server.clear) + "/v1/chat/completions"
            let seen = try await run(
                "nghttp",
                ["--no-verify-peer", "-nv", "-m", "20", "-d", body]
                    + ["-H", "content-type: application/json", url]
            )
            #expect(seen.succeeded)
            let streams = seen.output.split(separator: "\n")
                .filter { $0.contains("recv DATA frame") }
                .compactMap { $0.split(separator: "stream_id=").last?.prefix { $0.isNumber } }
            #expect(Set(streams).count == 20)
            // The streams are interleaved: each has begun before the first one ends.
            let beginnings = Set(streams).compactMap { streams.firstIndex(of: $0) }
            let ends = Set(streams).compactMap { streams.lastIndex(of: $0) }
            let (lastBeginning, firstEnd) = (try #require(beginnings.max()), try #require(ends.min()))
            #expect(lastBeginning < firstEnd)
            #expect(seen.output.components(separatedBy: ":status: 200").count == 21)
            #expect(seen.output.components(separatedBy: "; END_STREAM").count >= 21)
            #expect(!seen.output.contains("RST_STREAM"))
            try await executor.counter("finished", reaches: 20)
        }
    }

    @Test func aPriorKnowledgeUpgradeServesNghttp() async throws {
        try await withServer { server, _ in
            let seen = try await run("nghttp", ["-nv", "--upgrade", server.clear + "/v1/models"])
            #expect(seen.succeeded)
            #expect(seen.output.contains("HTTP Upgrade success"))
            #expect(seen.output.contains(":status: 200"))
        }
    }

    @Test func aSmallWindowIsRespected() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, _ in
            // The window is 2^10 bytes for each stream; the response is far longer.
            let request = chat(stream: false, more: #""simulator":{"fault":"big_body:200000"}"#)
            let body = try scratch.write(request, to: "body.json")
            let seen = try await run(
                "nghttp",
                ["--no-verify-peer", "-w", "10", "-W", "10", "-m", "4", "-d", body]
                    + [server.tls + "/v1/chat/completions"]
            )
            #expect(seen.succeeded)
            #expect(seen.output.utf8.count > 4 * 200_000)
        }
    }
}
