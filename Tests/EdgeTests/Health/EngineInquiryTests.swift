import LoopTesting
import Routing
import Testing
import Transport

@testable import Edge

/// The edge asks an engine over a loopback connection, to find out its kind (vLLM, SGLang, others).
@Suite struct EngineInquiryTests {
    /// A played engine of one model: it answers the paths in `pages` with their bodies, and all other paths with 404.
    private final class House {
        let test = TestLoop()
        let snapshot: Snapshot
        var prober: HealthProber?
        var pages: [String: String] = ["/health": ""]
        /// The paths of the requests that the engine has received.
        private(set) var asked: [String] = []
        /// Whether the engine resets connections instead of answering.
        var isDown = false
        var found: [EngineKind] = []
        private var peers: [Peer] = []

        init(_ settings: String = "", model: String = "") throws {
            var accepted: (Peer) -> Void = { _ in }
            let address = try test.listen { socket, _ in accepted(Peer(descriptor: socket.descriptor)) }
            let executor = "{url: 'http://127.0.0.1:\(address.port)/p'\(settings)}"
            snapshot = try Registry().resolve(models: "- {id: a\(model), executors: [\(executor)]}")
            accepted = { [unowned self] in peers.append($0) }
            prober = HealthProber(
                snapshot,
                loop: test.loop,
                kindFound: { [unowned self] in found.append($0.foundKind) }
            )
            test.pass(0)
        }

        deinit { prober?.stop() }

        var engine: Engine { snapshot.engines[0].engine }
        var pool: ExecutorPool { snapshot.models[0].pool }

        /// Lets the engine answer the server's requests for this time, in steps of a tenth of a second.
        func serve(seconds: Int) {
            for _ in 0..<(10 * seconds) {
                for _ in 0..<8 { answer() }
                test.pass(second / 10)
            }
        }

        private func answer() {
            for peer in peers {
                peer.poll()
                guard peer.text.contains("\r\n\r\n") else { continue }
                let path = String(String(decoding: peer.take(), as: UTF8.self).split(separator: " ")[1].dropFirst(2))
                asked.append(path)
                guard !isDown else {
                    peer.reset()
                    continue
                }
                let page = pages[path]
                let body = page ?? ""
                let status = page == nil ? 404 : 200
                peer.send("HTTP/1.1 \(status) X\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)")
                test.settle(peer)
            }
            test.pass(0)
        }

        func count(_ path: String) -> Int { asked.count { $0 == path } }
    }

    private static let vllm = #"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#

    @Test func aKindIsFoundOnceAndMakesAutoAPrefix() throws {
        let house = try House()
        house.pages["/v1/models"] = Self.vllm
        #expect(!house.pool.choosesByPrompt && !house.snapshot.models[0].targets[0].stripsBilling)
        house.serve(seconds: 7)
        #expect(house.engine.kind == .vllm && house.found == [.vllm])
        #expect(house.pool.choosesByPrompt && house.snapshot.models[0].targets[0].stripsBilling)
        #expect(house.count("/v1/models") == 1 && house.count("/") == 0 && house.count("/health") >= 3)
    }

    @Test func withoutAnswersAllStaysAsItIs() throws {
        let house = try House()
        house.serve(seconds: 7)
        #expect(house.engine.kind == .unknown && house.found.isEmpty && !house.pool.choosesByPrompt)
        #expect(house.count("/v1/models") == 1 && house.count("/metrics") == 1 && house.count("/") == 1)
    }

    @Test func aGivenKindAndAnExplicitBalanceAreKept() throws {
        let given = try House(", kind: openai, health: {path: /health}")
        given.pages["/v1/models"] = Self.vllm
        given.serve(seconds: 3)
        #expect(given.engine.kind == .openai && given.count("/v1/models") == 0)
        let balanced = try House(model: ", balance: least-load, strip_billing: false")
        balanced.pages["/v1/models"] = Self.vllm
        balanced.serve(seconds: 3)
        #expect(balanced.engine.kind == .vllm && !balanced.pool.choosesByPrompt)
        #expect(!balanced.snapshot.models[0].targets[0].stripsBilling)
    }

    /// After failed probes the edge asks for the kind again, because another engine may answer at the same address.
    @Test func afterALossTheKindIsAskedAgain() throws {
        let house = try House(", health: {fall: 1, rise: 1}")
        house.pages["/v1/models"] = Self.vllm
        house.serve(seconds: 3)
        #expect(house.engine.kind == .vllm)
        house.isDown = true
        house.serve(seconds: 3)
        #expect(house.engine.isEjected && house.engine.kind == .vllm && house.count("/v1/models") == 1)
        house.isDown = false
        house.pages["/v1/models"] = #"{"data":[{"id":"m","owned_by":"someone"}]}"#
        house.serve(seconds: 3)
        #expect(house.found == [.vllm, .unknown] && house.count("/v1/models") == 2 && !house.pool.choosesByPrompt)
    }

    /// After each health probe, the edge asks the engine for its load, and forgets the load when probes fail.
    @Test func theLoadIsAskedAfterEachProbe() throws {
        let house = try House(", kind: llama.cpp, health: {fall: 1}")
        house.pages["/slots"] = #"[{"n_ctx":4096,"is_processing":true},{"n_ctx":4096,"is_processing":false}]"#
        house.serve(seconds: 7)
        #expect(house.engine.words.load.running == 1 && house.engine.words.cacheTokens == 8192)
        #expect(house.engine.strangers == 1)
        #expect(house.count("/metrics") == 1 && house.count("/slots") >= 3 && house.count("/props") == 0)
        #expect(house.count("/slots") <= house.count("/health"))
        house.isDown = true
        house.serve(seconds: 3)
        #expect(house.engine.words.load == EngineLoad() && house.engine.strangers == 0)
    }

    /// If an engine no longer has a metrics page, the edge forgets the engine's load and stops asking for it.
    @Test func anEngineThatSaysNothingAnyMoreHasSaidNothing() throws {
        let house = try House(", kind: vllm")
        house.pages["/metrics"] = "vllm:num_requests_running 3\nvllm:num_requests_waiting 2\n"
        house.serve(seconds: 3)
        #expect(house.engine.words.load.running == 3 && house.engine.words.load.waiting == 2)
        house.pages["/metrics"] = nil
        house.serve(seconds: 7)
        #expect(house.engine.words.load == EngineLoad() && house.engine.strangers == 0)
        let asked = house.count("/metrics")
        house.serve(seconds: 7)
        #expect(house.count("/metrics") == asked)
    }
}
