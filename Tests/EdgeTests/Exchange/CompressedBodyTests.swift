import Foundation
import HTTP
import Inference
import LoopTesting
import Testing
import Transport

@testable import Edge

/// Requests with a compressed body: executors get the decoded body, and the memory for it is limited.
@Suite struct CompressedBodyTests {
    private let text = #"{"model":"demo","messages":[{"role":"user","content":"hello"}]}"#
    private let gzip =
        "H4sIAAAAAAACA6tWys1PSc1RslJKSc3NV9JRyk0tLk5MTy1WsoquVirKz0kFSpUWpxYBpZLz80pS80qAAhmpOTn5SrWxtQDWlY+UPwAAAA=="

    private func client(settings: String = "") throws -> TestClient {
        let models = "- {id: demo, executors: [{url: 'http://one:1'}]}"
        return try TestClient(TestEnvironment(try testSnapshot(models: models, settings: settings)))
    }
    private func ask(_ client: TestClient, _ body: [UInt8], coding: String) {
        client.peer.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
                + "content-encoding: \(coding)\r\ncontent-length: \(body.count)\r\n\r\n"
        )
        var rest = body[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(client.peer.send(Array(rest.prefix(64 << 10))))
            client.environment.test.settle(client.peer)
        }
        client.settle()
    }
    private var gzipped: [UInt8] { Array(Data(base64Encoded: gzip)!) }

    /// A body of three zstd blocks: a beginning, the letter `x` many times, and an end.
    private func large(repeats: Int) -> (frame: [UInt8], text: String) {
        // Random text compresses badly, so that the edge does not refuse the body for its compression ratio.
        let filler = String((0..<20_000).map { _ in "abcdefghij".randomElement()! })
        let head = #"{"model":"demo","messages":[""# + filler
        var frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3]
        func block(_ kind: Int, _ size: Int, _ bytes: [UInt8]) {
            let header = kind | size << 3
            frame += [UInt8(header & 255), UInt8(header >> 8 & 255), UInt8(header >> 16)] + bytes
        }
        block(0, head.utf8.count, Array(head.utf8))
        for _ in 0..<repeats { block(2, 131_072, [120]) }
        block(1, 3, Array(#""]}"#.utf8))
        return (frame, head + String(repeating: "x", count: repeats * 131_072) + #""]}"#)
    }

    @Test(arguments: ["gzip", "x-gzip", "GZIP"]) func executorsGetTheBodyAsItWas(coding: String) throws {
        let client = try client()
        ask(client, gzipped, coding: coding)
        let executor = try #require(client.executors.first)
        #expect(executor.body == text)
        #expect(executor.request.fields.first(.contentEncoding) == nil)
        executor.answer(type: "application/json", body: .known(Said.document.utf8.count))
        executor.say(Said.document)
        executor.end()
        client.settle()
        #expect(client.status == 200 && client.finished?.bytesIn == gzipped.count)
        #expect(client.exchange.stream.connection.account.bodies == 0)
    }

    /// The edge decodes a short body even if the bodies of other connections have used up the memory for bodies.
    @Test func aShortBodyIsDecodedBesideBodiesThatFillTheMemory() throws {
        let client = try client()
        let others = (0..<800).map { _ in MemoryAccount(source: client.environment.budget) }
        for other in others { while other.chargeBody(32 << 10) || other.chargeBody(1 << 10) {} }
        #expect(client.environment.budget.holdBack(4096, beyond: 0), "somebody waits")
        ask(client, gzipped, coding: "gzip")
        #expect(client.executors.first?.body == text, "\(client.received)")
        client.leave()
        withExtendedLifetime(others) {}
    }

    @Test func aLargeBodyIsDecodedElsewhere() throws {
        for repeats in [1, 9] {
            let client = try client()
            let (frame, text) = large(repeats: repeats)
            ask(client, frame, coding: "zstd")
            #expect(client.executors.isEmpty == (repeats == 9), "what is small is decoded at once")
            if repeats == 9 { client.environment.carryOutScan() }
            #expect(client.executors.count == 1 && client.executors[0].body == text)
            let held = client.exchange.stream.connection.account.bodies
            #expect(held >= text.utf8.count && held <= 2 * text.utf8.count + (1 << 20))
            client.leave()
            #expect(client.exchange.stream.connection.account.bodies == 0)
        }
    }

    @Test(arguments: [("br", 415), ("deflate", 415), ("gzip, zstd", 415), ("zstd", 400)])
    func othersAreRefused(coding: String, status: Int) throws {
        let client = try client()
        ask(client, gzipped, coding: coding)
        #expect(client.status == status && client.executors.isEmpty)
        #expect(client.received.contains("\r\naccept-encoding: gzip, zstd\r\n") == (status == 415))
        #expect(client.exchange.stream.connection.account.bodies == 0)
    }

    @Test func whatDecodesToMoreThanABodyIs413() throws {
        let client = try client(settings: "limits: {body: 1MiB}")
        ask(client, large(repeats: 9).frame, coding: "zstd")
        #expect(client.status == 413 && client.environment.scans.isEmpty)
        let other = try self.client(settings: "limits: {body: 2MiB}")
        ask(other, large(repeats: 17).frame, coding: "zstd")
        other.environment.carryOutScan()
        #expect(other.status == 413 && other.executors.isEmpty)
        #expect(other.exchange.stream.connection.account.bodies == 0)
    }

    @Test func whatThereIsNoMemoryForIs503() throws {
        let client = try client()
        ask(client, large(repeats: 14).frame, coding: "zstd")
        let budget = client.environment.budget
        let others = budget.limit - budget.used - 500_000
        #expect(budget.reserve(others))
        client.environment.carryOutScan()
        #expect(client.status == 503 && client.executors.isEmpty)
        #expect(client.exchange.stream.connection.account.bodies == 0)
        budget.release(others)
    }
}
