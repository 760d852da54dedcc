import CLinux
import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

/// The two ends of a socket pair, over which an old and a new process talk during an upgrade.
func linkPair() throws -> (CInt, CInt) {
    var pair: [CInt] = [0, 0]
    try #require(clinux_socket_pair(&pair) == 0)
    return (pair[0], pair[1])
}

/// Writes bytes to a descriptor.
func put(_ bytes: [UInt8], to descriptor: CInt) {
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}

@Suite struct UpgradeLinkTests {
    private let test = TestLoop()

    @Test func messagesArriveInOrderHoweverTheyAreCut() throws {
        let (own, other) = try linkPair()
        let link = UpgradeLink(own, loop: test.loop)
        var received: [UpgradeMessage] = []
        link.read({ received.append($0) }, ended: {})
        let first = UpgradeMessage.failed(["one"]).line
        put(Array(first[..<5]), to: other)
        test.settle()
        #expect(received.isEmpty)
        put(Array(first[5...]) + Array("no message\n".utf8) + UpgradeMessage.hurry(stops: false).line, to: other)
        test.settle()
        #expect(received == [.failed(["one"]), .hurry(stops: false)])
        link.close()
        close(other)
    }

    @Test func theEndOfTheOtherEndIsToldOnceBehindWhatItHasSent() throws {
        let (own, other) = try linkPair()
        let link = UpgradeLink(own, loop: test.loop)
        var events: [String] = []
        link.read({ events.append("\($0)") }, ended: { events.append("ended") })
        put(UpgradeMessage.serving.line, to: other)
        close(other)
        test.settle()
        #expect(events == ["serving", "ended"] && link.isEnded)
        link.send(.hurry(stops: false))
        link.close()
    }

    @Test func aLargeMessageIsSentInPieces() throws {
        let (own, other) = try linkPair()
        let sender = UpgradeLink(own, loop: test.loop), receiver = UpgradeLink(other, loop: test.loop)
        let message = UpgradeMessage.commit(state: Array("\"\(String(repeating: "x", count: 3_000_000))\"".utf8))
        var received: UpgradeMessage?
        receiver.read({ received = $0 }, ended: {})
        sender.send(message)
        for _ in 0..<2000 where received == nil { test.pass(5_000_000) }
        #expect(received == message)
        sender.close()
        receiver.close()
    }

    @Test func whatArrivesDuringAPauseIsReadByWhoReadsThen() throws {
        let (own, other) = try linkPair()
        let link = UpgradeLink(own, loop: test.loop)
        var received: [UpgradeMessage] = []
        link.read({ received.append($0) }, ended: {})
        link.pause()
        put(UpgradeMessage.hurry(stops: false).line, to: other)
        test.settle()
        #expect(received.isEmpty)
        link.read({ received.append($0) }, ended: {})
        test.settle()
        #expect(received == [.hurry(stops: false)])
        link.close()
        close(other)
    }

    @Test func theFirstMessageIsWaitedForWithoutALoop() throws {
        let (own, other) = try linkPair()
        UpgradeLink.sendNow(.handover(completeHandover), to: other)
        guard case .handover? = UpgradeLink.firstMessage(own) else {
            Issue.record("no hand-over")
            return
        }
        #expect(UpgradeLink.firstMessage(own, timeout: 1) == nil)
        close(other)
        #expect(UpgradeLink.firstMessage(own) == nil)
        close(own)
    }
}
