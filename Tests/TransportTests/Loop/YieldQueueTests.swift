// Channels that have used much time yield: in each turn of the event loop they are served after all others, one after
// the other, for a limited time.
import Glibc
import LoopTesting
import Testing

@testable import Transport

@Suite struct YieldQueueTests {
    /// How long the loop works for one read of any channel in these tests.
    private static let service: Nanoseconds = 20_000

    /// Channels on one loop, each read of which advances the loop's clock by `service`.
    private final class Crowd {
        let test: TestLoop
        let members: [(handler: Recorder, peer: Peer)]
        /// The numbers of the members in the order in which they were served.
        private(set) var served: [Int] = []

        init(_ count: Int, on test: TestLoop) {
            self.test = test
            members = (0..<count).map { _ in
                let (socket, peer) = Peer.pair()
                return (Recorder(socket, on: test), peer)
            }
            for (index, member) in members.enumerated() {
                member.handler.onReceive = { [unowned self] _ in
                    served.append(index)
                    test.clock.advance(by: YieldQueueTests.service)
                }
            }
        }

        func yield(_ indexes: Range<Int>) {
            for index in indexes { members[index].handler.channel?.countWork(second) }
        }
        func send(_ indexes: Range<Int>, _ text: String = "x") {
            for index in indexes { members[index].peer.send(text) }
        }
        func takeServed() -> [Int] {
            defer { served = [] }
            return served
        }
    }

    @Test func aSliceIsAQuarterOfTheOtherWorkAndAtLeastItsLeast() {
        #expect(YieldQueue.slice(after: 0) == YieldQueue.sliceMin)
        #expect(YieldQueue.slice(after: 4 * YieldQueue.sliceMin) == YieldQueue.sliceMin)
        #expect(YieldQueue.slice(after: 40_000_000) == 10_000_000)
    }

    @Test func whoDoesNotYieldIsServedFirstWhoeverWasReadyBefore() {
        let test = TestLoop()
        let crowd = Crowd(3, on: test)
        crowd.yield(0..<2)
        crowd.send(0..<3)
        test.loop.turn(waitMax: 0)
        #expect(crowd.takeServed() == [2, 0, 1])
    }

    /// 200 channels have used much time and must yield, one has not.
    @Test func aFloodOfManyDelaysAnotherByOneSlice() {
        let test = TestLoop()
        let crowd = Crowd(201, on: test)
        crowd.yield(0..<200)
        crowd.send(0..<200)
        let slice = Int(YieldQueue.sliceMin / Self.service)
        var served = 0
        for turn in 0..<10 {
            crowd.send(200..<201)
            test.loop.turn(waitMax: 0)
            let all = crowd.takeServed()
            #expect(all.first == 200, "turn \(turn)")
            #expect(all.count == 1 + slice, "turn \(turn)")
            served += all.count - 1
        }
        // Each of the 200 connections that yielded is served once before any of them is served a second time.
        var all: [Int] = []
        for _ in 0..<200 {
            test.loop.turn(waitMax: 0)
            all += crowd.takeServed()
        }
        #expect(served + all.count == 200 && test.loop.yielding.isEmpty)
    }

    @Test func whoHasMoreGoesToTheEndAndIsServedAgainInTheSameTurn() {
        let test = TestLoop()
        let crowd = Crowd(2, on: test)
        crowd.yield(0..<2)
        for member in crowd.members { member.handler.channel?.readLimit = 1024 }
        crowd.send(0..<1, String(repeating: "x", count: 3 * 1024))
        crowd.send(1..<2)
        test.loop.turn(waitMax: 0)
        #expect(crowd.takeServed() == [0, 1, 0, 0], "all of them fit into the slice of one turn")
    }

    @Test func aBusyLoopGivesThemAQuarterOfItsOtherWork() {
        let test = TestLoop()
        let crowd = Crowd(140, on: test)
        crowd.yield(0..<40)
        crowd.send(0..<140)
        test.loop.turn(waitMax: 0)
        // The 100 channels that do not yield are served first, then yielding ones for a quarter of the time of those.
        let served = crowd.takeServed()
        #expect(served.prefix(100).allSatisfy { $0 >= 40 })
        #expect(served.count == 125 && served.suffix(25).allSatisfy { $0 < 40 })
    }

    @Test func whoWaitsIsServedAlthoughItNoLongerYields() {
        let test = TestLoop()
        let crowd = Crowd(10, on: test)
        crowd.yield(0..<10)
        crowd.send(0..<10)
        test.loop.turn(waitMax: 0)
        let before = crowd.takeServed().count
        #expect(before == 5)
        test.clock.advance(by: 2 * second)
        test.loop.turn(waitMax: 0)
        #expect(crowd.takeServed().count == 5)
    }

    @Test func afterASecondAChannelIsAnOrdinaryOne() {
        let test = TestLoop()
        let crowd = Crowd(2, on: test)
        crowd.yield(0..<1)
        #expect(crowd.members[0].handler.channel?.yields == true)
        test.clock.advance(by: second)
        test.loop.turn(waitMax: 0)
        #expect(crowd.members[0].handler.channel?.yields == false)
        crowd.send(0..<2)
        test.loop.turn(waitMax: 0)
        #expect(crowd.takeServed() == [0, 1])
    }

    @Test func aChannelThatIsClosedWhileItWaitsIsFreed() {
        let test = TestLoop()
        weak var freed: Channel?
        do {
            let crowd = Crowd(20, on: test)
            crowd.yield(0..<20)
            crowd.send(0..<20)
            test.loop.turn(waitMax: 0)
            #expect(crowd.takeServed().count == 5 && test.loop.yielding.count == 15)
            freed = crowd.members[19].handler.channel
            crowd.members[19].handler.channel?.close()
            for _ in 0..<5 { test.loop.turn(waitMax: 0) }
            #expect(crowd.members[19].handler.released == 1 && crowd.members[19].handler.callsAfterRelease == 0)
            #expect(crowd.takeServed() == Array(5..<19) && test.loop.yielding.isEmpty)
        }
        #expect(freed == nil)
    }

    @Test func theEndOfWhoYieldsIsToldAfterItsLastBytes() {
        let test = TestLoop()
        let crowd = Crowd(1, on: test)
        crowd.yield(0..<1)
        crowd.send(0..<1, "last")
        crowd.members[0].peer.close()
        for _ in 0..<5 { test.loop.turn(waitMax: 0) }
        #expect(crowd.members[0].handler.text == "last" && crowd.members[0].handler.ends.count == 1)
    }

    @Test func whatAHandlerHasPutOffWaitsForTheTurnToo() {
        final class Continuing: ChannelHandler {
            var continued = 0
            func channelOpened(_ channel: Channel) {}
            func channel(_ channel: Channel, received bytes: Span<UInt8>) {}
            func channel(_ channel: Channel, ended end: ChannelEnd) { channel.close() }
            func channelFlush(_ channel: Channel, into scratch: Scratch) {}
            func channelDrained(_ channel: Channel) {}
            func channelContinues(_ channel: Channel) { continued += 1 }
            func channelReleased(_ channel: Channel) {}
        }
        let test = TestLoop()
        let crowd = Crowd(6, on: test)
        crowd.yield(0..<5)
        crowd.send(0..<5)
        let handler = Continuing()
        let (socket, peer) = Peer.pair()
        let address = Sockets.localAddress(of: socket)!
        guard let channel = try? Channel.accept(socket, peer: address, loop: test.loop) else {
            Issue.record("no channel")
            return
        }
        channel.attach(handler)
        channel.countWork(second)
        // `channel` yields, too: it asks to continue while five yielding channels wait before it. Their reads use up
        // the time slice of the first turn, so it continues in the second one.
        crowd.members[5].handler.onReceive = { _ in channel.continueNextTurn() }
        crowd.send(5..<6)
        test.loop.turn(waitMax: 0)
        #expect(handler.continued == 0 && crowd.takeServed().count == 5)
        test.loop.turn(waitMax: 0)
        #expect(handler.continued == 1)
        peer.close()
    }
}
