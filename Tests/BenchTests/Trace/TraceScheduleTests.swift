// Which requests of a trace are sent, and when.
import Testing

@testable import Bench

@Suite struct TraceScheduleTests {
    private func trace(_ times: [Int]) throws -> TraceFile {
        let lines = times.map {
            "{\"timestamp\": \($0), \"input_length\": 1, \"output_length\": 1, \"hash_ids\": [0]}\n"
        }
        return try TraceFile(Array(lines.joined().utf8), name: "trace")
    }

    private func schedule(
        _ times: [Int],
        speed: Double = 1,
        scale: Double = 1,
        limit: Int? = nil,
        seed: UInt64 = 1
    ) throws -> [TraceSchedule.Entry] {
        TraceSchedule(try trace(times), speed: speed, scale: scale, limit: limit, seed: seed).entries
    }

    @Test func requestsKeepTheirTimes() throws {
        let entries = try schedule([40, 100, 40, 3040])
        #expect(entries.map(\.request) == [0, 1, 2, 3])
        #expect(entries.map(\.due) == [0, 0, 60_000_000, 3_000_000_000])
    }

    @Test func timeRunsFasterOrSlower() throws {
        #expect(try schedule([0, 3000], speed: 1.5).map(\.due) == [0, 2_000_000_000])
        #expect(try schedule([0, 3000], speed: 0.5).map(\.due) == [0, 6_000_000_000])
    }

    @Test func theLimitTakesTheFirst() throws {
        #expect(try schedule([5, 6, 7], limit: 2).map(\.request) == [0, 1])
        #expect(try schedule([5, 6, 7], limit: 9).count == 3)
    }

    @Test func aShareIsTaken() throws {
        let times = Array(0..<4000)
        let quarter = try schedule(times, scale: 0.25)
        #expect((850...1150).contains(quarter.count), "\(quarter.count)")
        #expect(quarter == (try schedule(times, scale: 0.25)))
        #expect(quarter != (try schedule(times, scale: 0.25, seed: 2)))
        let half = Set(try schedule(times, scale: 0.5).map(\.request))
        #expect(half.isSuperset(of: quarter.map(\.request)))
        #expect(try schedule(times, scale: 0.25, limit: 7).map(\.request) == quarter.prefix(7).map(\.request))
    }

    /// If a run sends only a few of the trace's requests, it sends the first of them at once.
    @Test func theFirstOneThatIsTakenIsSentAtOnce() throws {
        let times = Array(0..<4000)
        let few = try schedule(times, scale: 0.01)
        let first = try #require(few.first)
        #expect(first.due == 0)
        for entry in few { #expect(entry.due == UInt64(entry.request - first.request) * 1_000_000) }
    }
}
