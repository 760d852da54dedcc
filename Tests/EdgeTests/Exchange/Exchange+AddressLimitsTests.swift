import Inference
import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

private let hash = HMACSHA256(secret: Array("0123456789abcdef0123456789abcdef".utf8))

/// Tests which requests are refused because of a limit for one client address.
@Suite struct ExchangeAddressLimitsTests {
    private let access = Authenticator(hash: hash, isRequired: true)

    private func client(_ limits: String, needsKey: Bool = false) throws -> TestClient {
        access.publish([AccessKey(id: "k", hash: hash("fi-k".utf8), tenant: "t")])
        let snapshot = try testSnapshot(
            models: "- {id: m, executors: [{url: 'http://one:1'}]}",
            settings: "limits: {per_address: {\(limits)}}"
        )
        return try TestClient(TestEnvironment(snapshot, access: needsKey ? access : Authenticator()))
    }

    private func held(_ client: TestClient) throws -> AddressHoldings? {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 1))
        return client.environment.addresses.held(by: address)
    }

    /// Whether a limit for the client's address has ended the last request.
    private func isLimited(_ client: TestClient) -> Bool {
        guard case .failed(let failure)? = client.finished?.end else { return false }
        return failure.kind == .addressLimited
    }

    @Test func aRequestIsCountedUntilItEnds() throws {
        let client = try client("streams: 1")
        client.ask()
        #expect(try held(client)?.streams == 1)
        client.executors[0].refuse(400)
        client.settle()
        #expect(client.finished != nil)
        #expect(try held(client)?.isEmpty == true)
    }

    @Test func aClientThatLeavesGivesItsRequestBack() throws {
        let client = try client("streams: 1")
        client.ask()
        #expect(try held(client)?.streams == 1)
        client.leave()
        #expect(try held(client)?.isEmpty == true)
    }

    @Test func requestsBeyondTheRateAreRefusedInTheClientsDialect() throws {
        let client = try client("requests: 1")
        for _ in 0..<10 { client.ask("", path: "/nothing", method: "GET") }
        #expect(client.finished?.status == 404)
        client.ask("", path: "/nothing", method: "GET")
        #expect(client.finished?.status == 429 && isLimited(client))
        client.pass(1_000_000_000)
        client.ask("", path: "/nothing", method: "GET")
        #expect(client.finished?.status == 404)
        client.ask(path: "/v1/messages")
        #expect(client.finished?.status == 429)
        #expect(client.received.contains("retry-after: 1\r\n"))
        #expect(client.received.contains("rate_limit_error"))
        #expect(client.environment.addressRefusals.map(\.limit) == [.requests, .requests])
        #expect(try held(client)?.isEmpty == true)
    }

    @Test func aBodyBeyondTheBytesOfItsAddressIsRefused() throws {
        let client = try client("body_bytes: 64KiB")
        client.begin(String(repeating: " ", count: 60_000), length: 200_000)
        #expect(try held(client)?.bodyBytes == 64 << 10)
        client.peer.send(String(repeating: " ", count: 10_000))
        client.settle()
        #expect(client.finished?.status == 429)
        #expect(client.environment.addressRefusals.map(\.limit) == [.bodyBytes])
        #expect(try held(client)?.isEmpty == true)
    }

    @Test func unknownKeysAreRefusedAndAValidKeyPasses() throws {
        let client = try client("unknown_keys: 2", needsKey: true)
        for _ in 0..<2 {
            client.ask("", path: "/v1/models", method: "GET", fields: "x-api-key: fi-x")
            #expect(client.finished?.status == 401)
            #expect(!client.exchange.record.isOfKnownClient)
        }
        client.ask("", path: "/v1/models", method: "GET", fields: "x-api-key: fi-x")
        #expect(client.finished?.status == 429 && isLimited(client))
        client.ask("", path: "/v1/models", method: "GET", fields: "x-api-key: fi-k")
        #expect(client.finished?.status == 200)
        #expect(client.exchange.record.isOfKnownClient)
        client.ask(fields: "x-other: 1")
        #expect(client.finished?.status == 429 && isLimited(client))
        #expect(client.environment.addressRefusals.map(\.limit) == [.unknownKeys, .unknownKeys])
    }

    @Test func aClientThatNeedsNoKeyIsKnownOnceAnExecutorHasServedIt() throws {
        let client = try client("")
        client.ask("", path: "/v1/models", method: "GET")
        #expect(client.finished?.status == 200 && !client.exchange.record.isOfKnownClient)
        client.ask()
        client.executors[0].refuse(400)
        client.settle()
        #expect(client.finished?.status == 400 && !client.exchange.record.isOfKnownClient)
        client.ask()
        client.executors[1].answer()
        client.executors[1].say(Said.token + Said.finish + Said.done)
        client.executors[1].end()
        client.settle()
        #expect(client.finished?.status == 200 && client.exchange.record.isOfKnownClient)
    }

    @Test func withoutLimitsNothingIsCounted() throws {
        let client = try client("new_connections: off, handshakes: off", needsKey: true)
        for _ in 0..<5 { client.ask("", path: "/v1/models", method: "GET", fields: "x-api-key: fi-x") }
        #expect(client.finished?.status == 401)
        #expect(client.environment.addresses.count == 0)
    }
}
