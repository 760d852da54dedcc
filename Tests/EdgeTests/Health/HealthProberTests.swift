import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Probes engines over loopback connections, with a clock that the test advances.
@Suite struct HealthProberTests {
    private final class House {
        let test = TestLoop()
        var peers: [Peer] = []
        let snapshot: Snapshot
        var prober: HealthProber?
        /// When the engine was reported dead, and whether because it refused connections.
        var deaths: [(at: Nanoseconds, isRefusal: Bool)] = []

        /// One probed engine in the pools of two models.
        ///
        /// Each pool has a second engine, which is not probed.
        init(_ health: String = "") throws {
            var accepted: (Peer) -> Void = { _ in }
            let address = try test.listen { socket, _ in accepted(Peer(descriptor: socket.descriptor)) }
            let asked = "{url: 'http://127.0.0.1:\(address.port)'\(health)}"
            let spare = "{url: 'http://127.0.0.1:1', health: {interval: 0s}}"
            snapshot = try Registry().resolve(
                models: """
                    - {id: a, executors: [\(asked), \(spare)]}
                    - {id: b, executors: [\(spare), \(asked)]}
                    """
            )
            accepted = { [unowned self] in peers.append($0) }
            prober = HealthProber(snapshot, loop: test.loop) { [unowned self] engine, death in
                #expect(engine === self.engine)
                deaths.append((test.loop.now, death.isRefusal))
            }
            test.pass(0)
        }

        deinit { prober?.stop() }

        var engine: Engine { snapshot.engines[0].engine }
        var areUsable: [Bool] {
            snapshot.models.map { model in
                model.pool.statuses(at: test.loop.now).first { $0.executor.engine === engine }!.isUsable
            }
        }

        /// Waits for a probe, answers it, and advances the clock to the next probe.
        func answer(_ status: Int, _ body: String = "") {
            let isAsked = test.run { [self] in
                for peer in peers { peer.poll() }
                return peers.last?.text.contains("\r\n\r\n") == true
            }
            #expect(isAsked)
            guard let peer = peers.last else { return }
            #expect(peer.text.hasPrefix("GET /health HTTP/1.1\r\n"))
            _ = peer.take()
            peer.send("HTTP/1.1 \(status) X\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
            test.settle(peer)
            answerQuestions()
            test.pass(2 * second)
        }

        /// Answers 404 to every request of the edge to the engine that is not for `/health`.
        private func answerQuestions() {
            for peer in peers {
                peer.poll()
                while peer.text.contains("\r\n\r\n"), !peer.text.hasPrefix("GET /health ") {
                    _ = peer.take()
                    peer.send("HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
                    test.settle(peer)
                }
            }
        }
    }

    @Test func failedProbesLeaveAnEngineOutForAllItsModels() throws {
        let house = try House()
        for _ in 0..<2 { house.answer(500) }
        #expect(house.areUsable == [true, true])
        house.answer(500)
        #expect(house.areUsable == [false, false] && house.engine.health != .healthy)
        house.answer(200)
        house.answer(200)
        #expect(house.areUsable == [true, true] && house.engine.health == .healthy, "no request has to try it")
        #expect(house.peers.count == 1, "asked once for both models, over one connection")
    }

    @Test func anEngineThatLoadsItsModelIsNotReady() throws {
        let house = try House()
        house.answer(503, "Loading model")
        #expect(house.areUsable == [false, false] && house.engine.health == .healthy)
        house.answer(200)
        #expect(house.areUsable == [true, true])
    }

    @Test func silenceIsAFailure() throws {
        let house = try House(", health: {fall: 1, timeout: 5s}")
        #expect(house.test.run { !house.peers.isEmpty })
        house.test.pass(5 * second - 1)
        #expect(house.areUsable == [true, true])
        house.test.pass(1)
        #expect(house.areUsable == [false, false])
    }

    @Test func failedProbesAreDeathAndSaidWithEachFurtherOne() throws {
        let house = try House()
        for _ in 0..<2 { house.answer(500) }
        #expect(house.deaths.isEmpty)
        for _ in 0..<2 { house.answer(500) }
        #expect(house.deaths.map(\.isRefusal) == [false, false] && house.engine.isDead)
        #expect(house.prober?.lastLoss(at: house.engine) == "it answered 500")
        for _ in 0..<2 { house.answer(429) }
        #expect(!house.engine.isDead && house.deaths.count == 2, "429 is life")
    }

    @Test func aConnectionThatIsClosedIsARefusal() throws {
        let house = try House(", health: {fall: 1}")
        #expect(house.test.run { !house.peers.isEmpty })
        house.peers[0].reset()
        #expect(house.test.run { !house.deaths.isEmpty })
        #expect(house.deaths[0].isRefusal)
    }

    /// Three probes of 5 s with two pauses of 2 s take 19 s; the engine is dead after 20 s of silence.
    @Test func anEngineThatSaysNothingIsDeadAfterTwentySeconds() throws {
        let house = try House()
        let start = house.test.loop.now
        for _ in 0..<199 { house.test.pass(second / 10) }
        #expect(house.deaths.isEmpty && house.areUsable == [false, false])
        for _ in 0..<2 { house.test.pass(second / 10) }
        #expect(house.deaths.map(\.at) == [start + 20 * second])
        for _ in 0..<70 { house.test.pass(second / 10) }
        #expect(house.deaths.count == 2, "and said again with the next probe")
    }

    @Test func bytesOfAnAttemptPutDeathOff() throws {
        let house = try House()
        let start = house.test.loop.now
        for step in 0..<400 {
            house.test.pass(second / 10)
            if step == 150 { house.engine.heard(at: house.test.loop.now) }
        }
        // The time of the last byte is stored at most every tenth of a second (`heardStep`), so the stored time may be
        // that much too early. The engine is declared dead a tenth of a second later because of it.
        let heard = start + 151 * second / 10
        #expect(house.deaths.first?.at == heard + Engine.heardStep + 20 * second)
    }
}
