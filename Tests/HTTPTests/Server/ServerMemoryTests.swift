// Memory that the server holds for a client is charged to the connection; above the limit, requests are refused.
import HTTP
import LoopTesting
import Synchronization
import Testing
import Transport

@Suite struct ServerMemoryTests {
    /// Grants `limit` bytes in total.
    private final class Source: MemorySource {
        private let left: Atomic<Int>
        let limit: Int
        init(_ limit: Int) {
            self.limit = limit
            left = Atomic(limit)
        }
        var used: Int { limit - left.load(ordering: .relaxed) }
        func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool {
            guard bytes <= left.load(ordering: .relaxed) else { return false }
            take(bytes)
            return true
        }
        func take(_ bytes: Int) { left.wrappingSubtract(bytes, ordering: .relaxed) }
        func giveBack(_ bytes: Int, of use: MemoryUse) { left.wrappingAdd(bytes, ordering: .relaxed) }
    }

    private static let refusedStream: UInt32 = 7
    /// SETTINGS_INITIAL_WINDOW_SIZE = 0, so that the server can send no response body.
    private static let shut: [UInt8] = [0, 4, 0, 0, 0, 0]

    private func session(_ source: Source, settings: [UInt8] = shut) throws -> (HTTP2Session, MemoryAccount) {
        let account = MemoryAccount(source: source)
        return (try HTTP2Session(settings: settings, account: account), account)
    }

    // MARK: HTTP/2

    @Test func aStreamAndItsHeadAreChargedUntilItEnds() throws {
        let (client, account) = try session(Source(1 << 20), settings: [])
        client.request(1, fields: [("a", String(repeating: "v", count: 8000))])
        #expect(account.held >= ServerStream.cost + 16_000)
        client.exchanges[0].stream.letGoOfHead()
        #expect(account.held >= ServerStream.cost && account.held < ServerStream.cost + 8000)
        client.exchanges[0].answer("x")
        client.settle()
        #expect(client.status(of: 1) == 200 && account.held == 0)
    }

    @Test func aStreamBeyondWhatItsConnectionMayHoldIsRefused() throws {
        let source = Source(64 << 10)
        let (client, account) = try session(source)
        var stream: UInt32 = 1
        while client.server.delegate.refusedForMemory == 0, stream < 200 {
            client.request(stream, "POST", fields: [("a", String(repeating: "v", count: 2000))], end: false)
            stream += 2
        }
        let refused = stream - 2
        #expect(client.reset(of: refused) == Self.refusedStream)
        #expect(client.exchanges.count == (refused - 1) / 2, "no handler has seen it")
        #expect(source.used <= source.limit && account.held <= source.limit)
        // DATA on the refused stream is dropped. The connection stays open, and takes a new stream once another has
        // ended.
        client.send(Frame.data, Frame.endStream, refused, [1, 2, 3])
        #expect(client.goAways.isEmpty)
        client.send(Frame.reset, 0, 1, big(8))
        client.request(stream, "POST", fields: [("a", String(repeating: "v", count: 2000))], end: false)
        #expect(client.reset(of: stream) == nil && client.exchanges.count == (refused + 1) / 2)
    }

    /// Refusals for lack of memory are not counted as abuse by the client.
    @Test func refusalsAreNoFaultOfTheClients() throws {
        let (client, _) = try session(Source(8 << 10))
        for stream in stride(from: UInt32(1), to: 801, by: 2) { client.request(stream) }
        #expect(client.server.delegate.refusedForMemory > 390 && client.goAways.isEmpty)
    }

    @Test func outputThatIsNotTakenIsChargedInWholeChunks() throws {
        let (client, account) = try session(Source(1 << 20))
        client.request(1)
        let before = account.held
        client.exchanges[0].answer(String(repeating: "x", count: 10_000))
        client.settle()
        #expect(account.held == before + 3 * 4096)
        client.send(Frame.windowUpdate, 0, 1, big(20_000))
        client.settle()
        #expect(client.body(of: 1).count == 10_000 && account.held == 0)
    }

    /// Bytes that all connections share are charged to none of them.
    @Test func aCommonAnswerIsNotChargedToThoseWhoDoNotTakeIt() throws {
        let (client, account) = try session(Source(1 << 20))
        let list = SharedBytes(common: [UInt8](repeating: 1, count: 100_000))
        client.request(1)
        let before = account.held
        client.exchanges[0].respond(200, length: list.count)
        client.exchanges[0].stream.send(list)
        client.exchanges[0].stream.finish()
        client.settle()
        #expect(account.held < before + 100)
        client.send(Frame.windowUpdate, 0, 0, big(100_000))
        client.send(Frame.windowUpdate, 0, 1, big(100_000))
        client.settle()
        #expect(client.body(of: 1) == list.bytes && account.held == 0)
    }

    /// Output up to the number of bytes that the handler has charged itself (`payOutput`) is not charged by the stream
    /// again.
    @Test func outputThatTheHandlerPaysForIsNotChargedTwice() throws {
        let (client, account) = try session(Source(1 << 20))
        client.request(1)
        let before = account.held
        client.exchanges[0].stream.payOutput(16 << 10)
        client.exchanges[0].respond(200)
        client.exchanges[0].send(String(repeating: "x", count: 10_000))
        #expect(account.held == before)
        client.exchanges[0].send(String(repeating: "x", count: 10_000))
        #expect(account.held > before && account.held <= before + 8192)
        client.exchanges[0].stream.payOutput(0)
        #expect(account.held >= before + 20_000)
        client.send(Frame.reset, 0, 1, big(8))
        #expect(account.held == 0)
    }

    /// An unfinished header block is charged for the memory of its decoded fields.
    @Test func aHeaderBlockThatDoesNotEndIsCharged() throws {
        let (client, account) = try session(Source(1 << 20))
        let head = HTTP2Session.head(fields: [("a", String(repeating: "v", count: 12_000))])
        client.send(Frame.headers, Frame.endStream, 1, head)
        #expect(account.held >= 24_000)
        client.send(Frame.continuation, Frame.endHeaders, 1, literal("b", "c"))
        #expect(client.exchanges.count == 1)
        client.send(Frame.reset, 0, 1, big(8))
        #expect(account.held == 0)
    }

    // MARK: Trailers

    @Test func nothingIsKeptOfTrailers() throws {
        let (client, account) = try session(Source(1 << 20))
        client.request(1, "POST", end: false)
        let before = account.held
        let trailers = literal("a", String(repeating: "v", count: 8000))
        client.send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, trailers)
        #expect(client.exchanges[0].stream.connection.account.held == before)
    }

    /// Trailers that exceed the limit tenfold end the connection, as a head of that size does.
    @Test func trailersWithoutMeasureEndTheConnection() throws {
        let (client, _) = try session(Source(1 << 20))
        client.request(1, "POST", end: false)
        let fields = (0..<1100).flatMap { _ in literal("a", "") }
        client.send(Frame.headers, Frame.endHeaders | Frame.endStream, 1, fields)
        #expect(client.goAways == [11])
    }

    /// Trailers that a client does not finish in time end the connection, with the same deadline of 10 s as a head.
    @Test func trailersThatDoNotEndAreLate() throws {
        let (client, _) = try session(Source(1 << 20))
        client.request(1, "POST", end: false)
        client.send(Frame.headers, Frame.endStream, 1, literal("a", "b"))
        client.pass(11_000_000_000)
        #expect(!client.goAways.isEmpty)
    }

    // MARK: HTTP/1.1

    @Test func aRequestThatThereIsNoMemoryForIsAnsweredWith503() throws {
        let account = MemoryAccount(source: Source(0))
        let server = try TestServer(account: account)
        server.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(server.takeText().hasPrefix("HTTP/1.1 503"))
        #expect(server.exchanges.isEmpty && server.delegate.refusals.map(\.status) == [503])
    }

    @Test func aConnectionGivesBackWhatItsRequestsHeld() throws {
        let source = Source(1 << 20)
        let account = MemoryAccount(source: source)
        let server = try TestServer(account: account)
        server.say("GET / HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "v", count: 9000))\r\n\r\n")
        #expect(account.held >= ServerStream.cost + 18_000)
        server.exchanges[0].answer(String(repeating: "x", count: 10_000))
        server.settle()
        #expect(account.held == 0)
        // An incomplete head.
        server.say("GET / HTTP/1.1\r\nhost: x\r\na: \(String(repeating: "v", count: 9000))")
        #expect(account.held >= 9000)
        server.peer.close()
        #expect(server.isFreed() && source.used == 0)
    }
}
