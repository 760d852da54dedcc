// A simulator on a thread of its own, called through sockets.
import Inference
import Testing
import Transport

@testable import ExecutorSimulator

@Suite struct RunningExecutorSimulatorTests {
    private static func options() -> ExecutorSimulatorOptions {
        var options = ExecutorSimulatorOptions()
        options.prefill = 1_000_000
        options.pace = 1000
        return options
    }

    private func with<T>(
        _ options: ExecutorSimulatorOptions = RunningExecutorSimulatorTests.options(),
        _ body: (SocketAddress) throws -> T
    ) throws -> T {
        let simulator = try ExecutorSimulator.startThread(options: options)
        defer { simulator.stop() }
        return try body(simulator.address)
    }

    private func post(_ path: String, _ body: String, to address: SocketAddress) -> (text: String, isReset: Bool) {
        let client = LoopbackClient(to: address)
        defer { client.close() }
        client.post(path, body)
        return client.readAll()
    }

    private func get(_ path: String, from address: SocketAddress) -> JSONValue {
        let client = LoopbackClient(to: address)
        defer { client.close() }
        client.get(path)
        let text = client.readAll().text
        return text.firstRange(of: "\r\n\r\n").flatMap { JSONValue(parsing: Array(text[$0.upperBound...].utf8)) }
            ?? .null
    }

    private func chat(_ more: String) -> String {
        #"{"model":"demo","messages":[{"role":"user","content":"hello"}],"stream":true\#(more)}"#
    }

    private func events(_ text: String) -> [JSONValue] {
        text.split(separator: "\n").filter { $0.hasPrefix("data: {") }.compactMap {
            JSONValue(parsing: Array($0.dropFirst(6).utf8))
        }
    }
    private func content(_ text: String) -> String {
        events(text).map { $0["choices"]?.array?.first?["delta"]?["content"]?.string ?? "" }.joined()
    }

    @Test func streamsTheSameTextWholeOrContinued() throws {
        try with { address in
            let whole = post("/v1/chat/completions", chat(#","max_tokens":12"#), to: address).text
            #expect(whole.hasSuffix("data: [DONE]\n\n"))
            let broken = post(
                "/v1/chat/completions",
                chat(#","max_tokens":12,"simulator":{"fault":"die_after:5"}"#),
                to: address
            ).text
            let beginning = content(broken)
            #expect(Vocabulary.count(beginning) == 5)
            let quoted = String(decoding: JSONText.quoted(beginning), as: UTF8.self)
            let rest = post(
                "/v1/chat/completions",
                """
                {"model":"demo","messages":[{"role":"user","content":"hello"},\
                {"role":"assistant","content":\(quoted)}],"stream":true,\
                "continue_final_message":true,"max_tokens":7}
                """,
                to: address
            ).text
            #expect(beginning + content(rest) == content(whole))
        }
    }

    @Test func reportsUsageOnRequest() throws {
        try with { address in
            let text = post(
                "/v1/chat/completions",
                chat(#","max_tokens":4,"stream_options":{"include_usage":true}"#),
                to: address
            ).text
            let all = events(text)
            #expect(all.last?["usage"]?["completion_tokens"]?.integer == 4)
            #expect(all.last?["choices"] == .array([]))
            for event in all.dropLast() { #expect(event["usage"] == .null) }
            #expect(all.filter { $0["emitted_ns"] != nil }.count == 4)
            #expect(all[all.count - 2]["choices"]?.array?.first?["finish_reason"]?.string == "length")
        }
    }

    @Test(arguments: ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"])
    func answersWithoutStreaming(_ path: String) throws {
        try with { address in
            let body = #"""
                {"model":"demo","messages":[{"role":"user","content":"a"}],"prompt":"a","input":"a",
                "simulator":{"tokens":3}}
                """#
            let text = post(path, body, to: address).text
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(get("/simulator/counters", from: address)["finished"]?.integer == 1)
        }
    }

    @Test func countsAnAbortAndKeepsItsPhase() throws {
        var options = Self.options()
        options.pace = 200
        try with(options) { address in
            let client = LoopbackClient(to: address)
            client.post("/v1/chat/completions", chat(#","max_tokens":100000"#))
            while !client.readSome().contains("emitted_ns") {}
            client.close()
            var counters = JSONValue.null
            for _ in 0..<500 {
                counters = get("/simulator/counters", from: address)
                if counters["aborted"]?.integer == 1 { break }
            }
            #expect(counters["aborted"]?.integer == 1)
            #expect(counters["running"]?.integer == 0 && counters["running_most"]?.integer == 1)
            #expect(counters["running_most_by_model"]?["demo"]?.integer == 1)
            let aborts = get("/simulator/aborts?since=0", from: address).array ?? []
            #expect(aborts.count == 1)
            #expect(aborts.first?["phase"]?.string == "stream")
            #expect(aborts.first?["ns"]?.integer ?? 0 > 0)
            #expect(get("/simulator/aborts?since=1", from: address) == .array([]))
        }
    }

    /// The contents of the HTTP/1.1 chunks of an answer, without their size lines.
    private func chunks(_ fault: String, from address: SocketAddress) -> [String] {
        let client = LoopbackClient(to: address)
        defer { client.close() }
        let more = #","max_tokens":3,"simulator":{"fault":"\#(fault)"}"#
        client.post("/v1/chat/completions", chat(more), inChunks: true)
        var rest = client.readAll().text.utf8[...]
        guard let head = rest.firstRange(of: "\r\n\r\n".utf8) else { return [] }
        rest = rest[head.upperBound...]
        var chunks: [String] = []
        while let end = rest.firstRange(of: "\r\n".utf8), let size = Int(String(rest[..<end.lowerBound])!, radix: 16) {
            chunks.append(String(rest[end.upperBound...].prefix(size))!)
            rest = rest[end.upperBound...].dropFirst(size + 2)
        }
        return chunks
    }

    @Test func anErrorAndItsEndComeInOneChunk() throws {
        try with { address in
            let joined = chunks("error_event:0,coalesce", from: address)
            #expect(joined.count == 2 && joined[1].isEmpty)
            #expect(joined[0].hasPrefix(#"data: {"error":"#) && joined[0].hasSuffix("}\n\ndata: [DONE]\n\n"))
            let apart = chunks("error_event:0", from: address)
            #expect(apart.count == 3 && apart[0] + apart[1] == joined[0])
        }
    }

    @Test func anErrorWithoutItsLastLineEndComesAlone() throws {
        try with { address in
            let seen = chunks("error_only:0,crlf,no_last_lf", from: address)
            #expect(seen.count == 2 && seen[1].isEmpty)
            #expect(seen[0].hasPrefix(#"data: {"error":"#))
            #expect(Array(seen[0].utf8.suffix(4)) == Array("}\r\n\r".utf8))
        }
    }

    @Test func piecesComeAsChunksOfTheirOwn() throws {
        try with { address in
            let whole = chunks("coalesce", from: address)
            #expect(whole.count == 2)
            let pieces = chunks("coalesce,split_every:100", from: address).dropLast()
            #expect(pieces.dropLast().allSatisfy { $0.utf8.count == 100 })
            #expect(pieces.joined().utf8.count == whole[0].utf8.count)
            #expect(pieces.joined().hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func resetsOnRequest() throws {
        try with { address in
            let answer = post("/v1/chat/completions", chat(#","simulator":{"fault":"reset_after:2"}"#), to: address)
            #expect(answer.isReset)
            #expect(events(answer.text).filter { $0["emitted_ns"] != nil }.count == 2)
        }
    }

    @Test(arguments: [false, true]) func aLongPrefillDelaysNobodyElse(isSpread: Bool) throws {
        var options = Self.options()
        options.isSpread = isSpread
        try with(options) { address in
            let slow = LoopbackClient(to: address)
            defer { slow.close() }
            slow.post("/v1/chat/completions", chat(#","simulator":{"prefill_ms":86400000}"#))
            while get("/simulator/counters", from: address)["waiting"]?.integer != 1 {}
            let answer = post("/v1/chat/completions", chat(#","max_tokens":3"#), to: address).text
            #expect(Vocabulary.count(content(answer)) == 3)
            #expect(get("/simulator/counters", from: address)["waiting"]?.integer == 1)
        }
    }

    @Test func spreadStreamsComeWhole() throws {
        var options = Self.options()
        options.isSpread = true
        options.pace = 500
        try with(options) { address in
            let clients = (0..<50).map { _ in LoopbackClient(to: address) }
            for client in clients { client.post("/v1/chat/completions", chat(#","max_tokens":20"#)) }
            for client in clients {
                #expect(Vocabulary.count(content(client.readAll().text)) == 20)
                client.close()
            }
            let counters = get("/simulator/counters", from: address)
            #expect(counters["finished"]?.integer == 50)
            #expect(counters["emitted"]?.integer == 1000)
        }
    }
}
