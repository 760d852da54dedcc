// Tests of the field `cdn-loop`: which requests have looped, and what executors get.

import Configuration
import HTTP
import Inference
import Testing

@testable import Edge

@Suite struct CDNLoopTests {
    private let us = "freeinference-0011223344556677"

    private func loops(_ values: String..., max: Int = 1) -> Bool {
        CDNLoop.isLoop(block(values.map { ("cdn-loop", $0) }), instance: us, loopsMax: max)
    }

    private func sent(_ fields: [(String, String)]) -> [String] {
        let all = FieldPolicy.toExecutor(
            block(fields + [("connection", "cdn-loop")]),
            forwarded: ForwardedFields([]),
            version: .http11,
            requestID: "r",
            instance: us,
            credential: nil
        )
        return lines(all).filter { $0.hasPrefix("cdn-loop") }
    }

    @Test func aRequestMayPassAsOftenAsTheLimitSays() {
        #expect(!loops())
        #expect(!loops(us))
        #expect(loops("\(us), \(us)"))
        #expect(loops(us, us), "lines count together")
        #expect(!loops(us, us, max: 2))
        #expect(loops("a, \(us);v=1 ,b,\t\(us)\t; x=\"y\""))
    }

    @Test func otherIdsAreNotOurs() {
        #expect(!loops("cloudflare; loops=1", "\(us)0, \(us)0, x\(us), x\(us)"))
        #expect(!loops("freeinference-, freeinference-, ,,;,", ""))
        #expect(!loops(us.uppercased(), us.uppercased()))
    }

    @Test func aListThatIsTooLargeIsALoop() {
        let entries = Array(repeating: "a", count: 64).joined(separator: ",")
        #expect(!loops(entries))
        #expect(loops(entries + ",a"))
        #expect(!loops(String(repeating: "a", count: 4096)))
        #expect(loops(String(repeating: "a", count: 4000), String(repeating: "a", count: 97)))
    }

    @Test func anExecutorGetsTheListWithOurIdAtItsEnd() {
        #expect(sent([]) == ["cdn-loop: \(us)"])
        #expect(
            sent([("cdn-loop", "cloudflare; loops=1"), ("cdn-loop", "b")])
                == ["cdn-loop: cloudflare; loops=1, b, \(us)"]
        )
        #expect(sent([("cdn-loop", "a\u{7F}"), ("cdn-loop", "b\u{E9}"), ("cdn-loop", "c")]) == ["cdn-loop: c, \(us)"])
    }

    @Test func theListPassesOnlyWithOurIdEvenIfTheOperatorForwardsIt() {
        var settings = ForwardSettings()
        settings.fields = ["cdn-loop"]
        #expect(forwarded([("cdn-loop", "cloudflare")], [settings]) == ["cdn-loop: cloudflare, i"])
    }

    @Test func aRequestThatLoopsIsRefusedAndOneThatComesBackOnceIsServed() throws {
        let snapshot = try testSnapshot(models: "- {id: m, executors: [{url: 'http://one:1'}]}")
        let client = try TestClient(TestEnvironment(snapshot))
        let own = client.environment.instanceID
        client.ask(fields: "cdn-loop: cloudflare, \(own)")
        let sent = try #require(client.executors.first).request.fields
        #expect(sent.string(named: "cdn-loop") == "cloudflare, \(own), \(own)")

        let second = try TestClient(TestEnvironment(snapshot))
        second.ask(fields: "cdn-loop: \(own), \(own)")
        #expect(second.status == 508 && second.executors.isEmpty)
        #expect(
            second.received.contains(#""code":"loop_detected""#) && second.received.contains("x-should-retry: false")
        )
        let finished = try #require(second.finished)
        #expect(finished.end == .failed(Failure(.loopDetected)))
    }
}
