// When the edge asks an engine for its list of models, and what it does with the answer.
import Configuration
import LoopTesting
import Testing
import Transport

@testable import Edge

/// One engine is asked for its models over loopback; the test advances the clock.
@Suite struct ModelDiscoveryTests {
    private final class House {
        let test = TestLoop()
        private(set) var peers: [Peer] = []
        private var discovery: ModelDiscovery!
        private(set) var said: [String] = []
        private(set) var answers = 0

        init(_ more: String = "", known: FoundMembers.Listing? = nil, isListening: Bool = true) throws {
            var accepted: (Peer) -> Void = { _ in }
            let address =
                isListening
                ? try test.listen { socket, _ in accepted(Peer(descriptor: socket.descriptor)) } : try refusingAddress()
            let snapshot = try Registry().resolve(
                models: "- {discover: 'http://127.0.0.1:\(address.port)/base'\(more)}"
            )
            discovery = ModelDiscovery(
                loop: test.loop,
                snapshot.discovered[0],
                known: known,
                say: { [unowned self] text, _ in said.append(text) }
            )
            discovery.answered = { [unowned self] _ in answers += 1 }
            accepted = { [unowned self] in peers.append($0) }
            discovery.start()
        }

        deinit { discovery.stop() }

        var names: [String]? { discovery.models.listing?.models.map(\.name) }
        var isAsked: Bool { discovery.isAsked }

        /// Waits for the next request and returns its text.
        func question() -> String {
            let isThere = test.run { [self] in
                for peer in peers { peer.poll() }
                return peers.last?.text.contains("\r\n\r\n") == true
            }
            #expect(isThere)
            let text = peers.last?.text ?? ""
            _ = peers.last?.take()
            return text
        }

        /// Waits for the next request and answers it.
        func answer(_ body: String, status: Int = 200, fields: String = "") {
            _ = question()
            let before = answers
            let peer = peers[peers.count - 1]
            let length = "content-length: \(body.utf8.count)"
            peer.send("HTTP/1.1 \(status) X\r\n\(fields)\(length)\r\n\r\n\(body)")
            let isAnswered = test.run(peer) { [self] in answers > before }
            #expect(isAnswered)
        }
    }

    private static func list(_ names: String...) -> String {
        #"{"data":[\#(names.map { #"{"id":"\#($0)"}"# }.joined(separator: ","))]}"#
    }

    @Test func theEngineIsAskedEveryTenSeconds() throws {
        let house = try House(", api_key: sk-1")
        #expect(!house.isAsked)
        let question = house.question()
        #expect(question.hasPrefix("GET /base/v1/models HTTP/1.1\r\n"), "\(question)")
        #expect(question.contains("authorization: Bearer sk-1\r\n"), "\(question)")
        house.peers[0].send("HTTP/1.1 200 X\r\ncontent-length: 21\r\n\r\n\(Self.list("a"))")
        let isAsked = house.test.run { house.isAsked }
        #expect(isAsked)
        #expect(house.names == ["a"] && house.said == [])
        house.test.pass(10 * second - 1)
        #expect(house.answers == 1)
        house.test.pass(1)
        house.answer(Self.list("a", "b"))
        #expect(house.names == ["a", "b"])
    }

    @Test func aFaultyAnswerChangesNothingAndIsSaidOnce() throws {
        let house = try House()
        house.answer(Self.list("a"))
        house.test.pass(10 * second)
        house.answer("<html>")
        house.test.pass(2 * second)
        house.answer("<html>")
        #expect(house.names == ["a"] && house.said.count == 1, "\(house.said)")
        #expect(house.said[0].contains("the models that it last listed stay, since it answered with something that"))
        house.test.pass(2 * second)
        house.answer("", status: 302, fields: "location: http://elsewhere/\r\n")
        #expect(house.said.count == 2 && house.names == ["a"])
        house.test.pass(2 * second)
        house.answer(Self.list("b"))
        #expect(
            house.names == ["a", "b"] && house.said.count == 3 && house.said[2].hasSuffix("lists its models now")
        )
    }

    @Test func anEngineThatIsNotThereIsAskedAgain() throws {
        let house = try House(isListening: false)
        let isAsked = house.test.run { house.isAsked }
        #expect(isAsked)
        #expect(house.names == nil && house.said.count == 1)
        #expect(house.said[0].contains("its models are not known yet, since it could not be asked"), "\(house.said)")
        for _ in 0..<3 {
            let before = house.answers
            house.test.pass(2 * second)
            let isAnswered = house.test.run { house.answers > before }
            #expect(isAnswered)
        }
        #expect(house.said.count == 1)
    }

    @Test func anAnswerWithoutAnEndEnds() throws {
        let house = try House()
        _ = house.question()
        house.peers[0].send("HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\n{")
        house.test.settle(house.peers[0])
        #expect(!house.isAsked)
        house.test.pass(5 * second)
        #expect(house.isAsked && house.said.count == 1 && house.said[0].contains("did not answer within 5 s"))
        // The next request uses another connection.
        house.test.pass(2 * second)
        house.answer(Self.list("a"))
        #expect(house.names == ["a"] && house.peers.count == 2)
    }

    @Test func aBodyThatIsTooLargeEnds() throws {
        let house = try House()
        _ = house.question()
        let peer = house.peers[0]
        peer.send("HTTP/1.1 200 X\r\ncontent-length: 104857600\r\n\r\n")
        let chunk = [UInt8](repeating: 0x20, count: 64 << 10)
        let isOver = house.test.run(peer) {
            peer.send(chunk)
            return house.isAsked
        }
        #expect(isOver && house.said.count == 1 && house.said[0].contains("more than 4 MiB"), "\(house.said)")
    }

    @Test func whatIsKnownIsNotWaitedFor() throws {
        var known = FoundMembers.Listing()
        known.models = [EngineListing.Model(name: "a")]
        let house = try House(known: known)
        #expect(house.isAsked && house.names == ["a"])
        house.answer(Self.list("b"))
        #expect(house.names == ["a", "b"])
    }

    @Test func modelsThatAreLeftOutAreSaidOnce() throws {
        let house = try House()
        let many = (0..<10_000).map { #"{"id":"m\#($0)"}"# }.joined(separator: ",")
        for _ in 0..<2 {
            house.answer(#"{"data":[\#(many)]}"#)
            house.test.pass(10 * second)
        }
        #expect(house.names?.count == 1000 && house.said.count == 1 && house.said[0].contains("9000 of its models"))
    }
}
