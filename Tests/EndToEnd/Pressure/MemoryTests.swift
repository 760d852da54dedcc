import Foundation
import Testing

/// A thousand clients that stop reading stay within the memory budget, and no other client loses an event.
@Suite struct MemoryTests {
    struct Crowd: Sendable, CustomTestStringConvertible {
        let speaking: Speaking
        /// How many streams each connection has.
        let streams: Int
        /// `window`: the client never opens its HTTP/2 window.
        ///
        /// `socket`: the client does not read from its socket.
        let stop: String
        var testDescription: String { "\(speaking.rawValue) \(Self.size / streams) x \(streams), \(stop)" }

        /// The number of streams.
        ///
        /// The kernel drops a client that takes nothing for 30 s. A debug build cannot fill a thousand sockets in
        /// that time, so `make test-debug` sets a smaller number.
        static let size = ProcessInfo.processInfo.environment["FREEINFERENCE_CROWD"].flatMap { Int($0) } ?? 1000

        static let all = [
            Crowd(speaking: .http2, streams: 1, stop: "window"),
            Crowd(speaking: .http2, streams: 1, stop: "socket"),
            Crowd(speaking: .http2, streams: size / 10, stop: "window"),
            Crowd(speaking: .http2, streams: size / 10, stop: "socket"),
            Crowd(speaking: .http1, streams: 1, stop: "socket"),
        ]
    }

    /// On a busy machine the test is repeated with half, then a quarter of the connections, because of the kernel's
    /// 30 s limit.
    @Test(arguments: Crowd.all)
    func aThousandReadersThatStopStayInTheBudget(_ crowd: Crowd) async throws {
        for part in [1, 2, 4] where try await staysInTheBudget(crowd, of: Crowd.size / crowd.streams / part) { return }
        Issue.record("the kernel gave readers up in each try")
    }

    /// - Returns: Whether all readers were still connected at the end; false if the kernel may have dropped some.
    private func staysInTheBudget(_ crowd: Crowd, of connections: Int) async throws -> Bool {
        let size = connections * crowd.streams
        let limit = (128 + 64) << 10
        let scratch = try Scratch()
        defer { scratch.remove() }
        // A unix socket buffers little, so the crowd's executors soon notice that nobody reads.
        let address = SocketAddress.unix(path: scratch.file("slow.sock"))
        return try await withExecutor(["--model", "slow"], at: address) { slow in
            try await withExecutor { other in
                let models = "- id: slow\n  executors:\n    - url: \(slow.url)"
                let configuration = Configuration(
                    executors: [other.url],
                    settings: "memory_limit: 128MiB\ntimeouts: {first_event: 120s}",
                    models: models
                )
                return try await withServer(configuration) { server in
                    // Chunks of 32 events: single events would take the executors more than 30 s, after which the
                    // kernel drops clients that take nothing.
                    let slowly = #""simulator":{"pace":1000,"prefill_ms":5,"fault":"coalesce:32"}"#
                    let body = chat(tokens: 1_000_000, more: slowly)
                        .replacing(#""model":"demo""#, with: #""model":"slow""#)
                    let sibling = chat(tokens: 200, more: #""simulator":{"pace":100,"prefill_ms":5}"#)
                    let arguments = [
                        "--slow", body, "--other", sibling, "--connections", "\(connections)",
                        "--streams", "\(crowd.streams)", "--stop", crowd.stop, "--seconds", "120",
                    ]
                    let start = ContinuousClock.now
                    var areThere = false
                    try await Readers.run("crowd", on: server, crowd.speaking, arguments) { readers in
                        try await readers.reaches("crowded", within: .seconds(120))
                        try await slow.counter("running", reaches: size, within: .seconds(60))
                        try readers.pass("crowded")
                        // A client that reads gets every event, in order.
                        let answer = try await readers.line("the other's answer", within: .seconds(120)) {
                            $0.other.string != nil
                        }
                        let events = eventData(answer.other.string ?? "")
                        let times = try events.compactMap {
                            $0 == "[DONE]" ? nil : try JSON(parsing: $0).emitted_ns.int
                        }
                        #expect(times.count == 200)
                        #expect(times == times.sorted())
                        #expect(events.last == "[DONE]")
                        // Waits until the executors of the crowd stop sending, because nobody reads.
                        _ = try await slow.emittedWhenStill(behind: server, within: .seconds(120))
                        areThere = try await slow.counters().running.int == size
                        let resident = try #require(server.process.memory())
                        let peak = try #require(server.process.memory("VmHWM"))
                        print("\(crowd): resident \(resident / 1024) MiB, at most \(peak / 1024) MiB")
                        #expect(peak < limit, "resident \(resident / 1024) MiB, at most \(peak / 1024) MiB")
                        // All clients of the crowd are still connected.
                        try readers.pass("passed")
                        let held = try await readers.line("those that are left") { $0.held.int != nil }.held.int
                        let took = ContinuousClock.now - start
                        areThere = areThere && held == connections
                        #expect(areThere || took > .seconds(25), "\(held ?? -1) connections after \(took)")
                        try await readers.finishes()
                    }
                    try await slow.counter("aborted", reaches: size, within: .seconds(60))
                    try await expect(slow.counters()) { $0.running.int == 0 }
                    return areThere
                }
            }
        }
    }
}
