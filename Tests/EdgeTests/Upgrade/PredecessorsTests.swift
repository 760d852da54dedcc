import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct PredecessorsTests {
    private let test = TestLoop()

    /// Two older processes of an upgrade, and for each the far end of its socket pair to this process.
    private func twoOlder() throws -> (Predecessors, [CInt]) {
        let pairs = try (0..<2).map { _ in try linkPair() }
        for pair in pairs { _ = fcntl(pair.1, F_SETFL, O_NONBLOCK) }
        let predecessors = Predecessors(loop: test.loop)
        predecessors.adopt(
            pairs.enumerated().map { index, pair in
                Handover.Predecessor(
                    descriptor: pair.0,
                    process: Int32(100 + index),
                    number: index + 1,
                    version: "v",
                    since: 0
                )
            }
        )
        predecessors.resume()
        return (predecessors, pairs.map(\.1))
    }

    private func text(of descriptor: CInt) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }

    @Test func whatOlderProcessesCarryIsKnown() throws {
        let (predecessors, ends) = try twoOlder()
        let report = UpgradeMessage.DrainingReport(exchanges: 5, connections: 2, until: 9)
        var used: [[UInt8]] = []
        predecessors.used = { used.append($0) }
        var signals: [CInt] = []
        predecessors.signalled = { signals.append($0) }
        put(UpgradeMessage.report(report).line + UpgradeMessage.use(Array("[1]".utf8)).line, to: ends[1])
        put(UpgradeMessage.signal(SIGHUP).line, to: ends[0])
        test.settle()
        #expect(predecessors.reports.map(\.report) == [nil, report] && used == [Array("[1]".utf8)])
        #expect(signals == [SIGHUP])
        for end in ends { close(end) }
        test.settle()
        #expect(predecessors.isEmpty)
    }

    @Test func aProcessIsHurriedOnce() throws {
        let (predecessors, ends) = try twoOlder()
        predecessors.hurry(1)
        predecessors.hurry(1)
        predecessors.hurry(7)
        #expect(text(of: ends[0]) == String(decoding: UpgradeMessage.hurry(stops: false).line, as: UTF8.self))
        #expect(text(of: ends[1]).isEmpty)
        #expect(predecessors.facts.map(\.isHurried) == [true, false])
        predecessors.stopAll(within: 5 * second)
        let stop = String(decoding: UpgradeMessage.hurry(stops: true, within: 5 * second).line, as: UTF8.self)
        #expect(ends.allSatisfy { text(of: $0) == stop })
        predecessors.cutAll()
        predecessors.reopenLogs()
        #expect(ends.allSatisfy { text(of: $0).contains("\"cut\"}\n{\"type\":\"reopen_log\"}") })
        predecessors.release()
        for end in ends { close(end) }
    }

    @Test func theEndOfAnOlderProcessIsTold() throws {
        let (predecessors, ends) = try twoOlder()
        var ended: [Int] = []
        predecessors.ended = { ended.append($0.number) }
        close(ends[0])
        test.settle()
        #expect(ended == [1] && predecessors.count == 1 && predecessors.facts[0].process == 101)
        predecessors.release()
        close(ends[1])
    }
}
