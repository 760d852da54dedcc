import Foundation
import Testing

/// A thousand readers that stop reading cost what the budget says, and cost nobody else an event.
@Suite struct MemoryTests {
    struct Crowd: Sendable, CustomTestStringConvertible {
        let speaking: Speaking
        let connections: Int
        let streams: Int
        /// `window`: the HTTP/2 window stays shut.
        ///
        /// `socket`: nothing is read.
        let stop: String
        var testDescription: String { "\(speaking.rawValue) \(connections) x \(streams), \(stop)" }

        /// A debug build is too slow to fill a thousand sockets within the 30 s after which the kernel gives up a client
        /// that takes nothing: `make test-debug` asks for fewer.
        static let size = ProcessInfo.processInfo.environment["FREEINFERENCE_CROWD"].flatMap { Int($0) } ?? 1000

        static let all = [
            Crowd(speaking: .http2, connections: size, streams: 1, stop: "window"),
            Crowd(speaking: .http2, connections: size, streams: 1, stop: "socket"),
            Crowd(speaking: .http2, connections: 10, streams: size / 10, stop: "window"),
            Crowd(speaking: .http2, connections: 10, streams: size / 10, stop: "socket"),
            Crowd(speaking: .http1, connections: size, streams: 1, stop: "socket"),
        ]
    }

    @Test(arguments: Crowd.all)
    func aThousandReadersThatStopStayInTheBudget(_ crowd: Crowd) async throws {
        let limit = (128 + 64) << 10
        let scratch = try Scratch()
        defer { scratch.remove() }
        // A unix socket holds little: so the crowd's executors soon feel that nobody reads.
        let address = SocketAddress.unix(path: scratch.file("slow.sock"))
        try await withExecutor(["--model", "slow"], at: address) { slow in
            try await withExecutor { other in
                let models = "- id: slow\n  executors:\n    - url: \(slow.url)"
                let configuration = Configuration(
                    executors: [other.url],
                    settings: "memory_limit: 128MiB\ntimeouts: {first_event: 120s}",
                    models: models
                )
                try await withServer(configuration) { server in
                    // In chunks of 32 events: one write for each event would keep the executors busy for longer than the
                    // 30 s after which the kernel gives up a client that takes nothing.
                    let slowly = #""simulator":{"pace":1000,"prefill_ms":5,"fault":"coalesce:32"}"#
                    let body = chat(tokens: 1_000_000, more: slowly)
                        .replacing(#""model":"demo""#, with: #""model":"slow""#)
                    let sibling = chat(tokens: 200, more: #""simulator":{"pace":100,"prefill_ms":5}"#)
                    let arguments = [
                        "--slow", body, "--other", sibling, "--connections", "\(crowd.connections)",
                        "--streams", "\(crowd.streams)", "--stop", crowd.stop, "--seconds", "120",
                    ]
                    try await Readers.run("crowd", on: server, crowd.speaking, arguments) { readers in
                        try await readers.reaches("crowded", within: .seconds(120))
                        try await slow.counter("running", reaches: Crowd.size, within: .seconds(60))
                        try readers.pass("crowded")
                        // Beside them one that reads: no event is missing, none out of order.
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
                        // Until their executors stand still, since nobody takes anything any more.
                        _ = try await slow.emittedWhenStill(behind: server, within: .seconds(120))
                        #expect(try await slow.counters().running.int == Crowd.size)
                        let resident = try #require(server.process.memory())
                        let peak = try #require(server.process.memory("VmHWM"))
                        print("\(crowd): resident \(resident / 1024) MiB, at most \(peak / 1024) MiB")
                        #expect(peak < limit, "resident \(resident / 1024) MiB, at most \(peak / 1024) MiB")
                        // Nobody was thrown out for it.
                        try readers.pass("passed")
                        #expect(
                            try await readers.line("those that are left") { $0.held.int != nil }.held.int
                                == crowd.connections
                        )
                        try await readers.finishes()
                    }
                    try await slow.counter("aborted", reaches: Crowd.size, within: .seconds(30))
                    #expect(try await slow.counters().running.int == 0)
                }
            }
        }
    }
}
