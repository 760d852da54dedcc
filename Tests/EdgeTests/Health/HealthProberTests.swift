import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// Engines are asked over connections of loopback; the clock is the test's.
@Suite struct HealthProberTests {
    private final class House {
        let test = TestLoop()
        var peers: [Peer] = []
        let snapshot: Snapshot
        var prober: HealthProber?

        /// One engine that is asked, in the pools of two models; each has a second one, which is not asked.
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
            prober = HealthProber(snapshot, loop: test.loop)
            test.pass(0)
        }

        deinit { prober?.stop() }

        var engine: Engine { snapshot.engines[0].engine }
        var areUsable: [Bool] {
            snapshot.models.map { model in
                model.pool.standings(at: test.loop.now).first { $0.executor.engine === engine }!.isUsable
            }
        }

        /// Waits for the question, answers it, and lets the time until the next one pass.
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
            test.pass(2 * second)
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
        #expect(house.areUsable == [true, true], "one request may try it now")
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
}
