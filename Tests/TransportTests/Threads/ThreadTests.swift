// What threads share: locks, mailboxes, and threads themselves.
import LoopTesting
import Testing
import Transport

@Suite struct ThreadTests {
    @Test func aLockLetsOneThreadInAtATime() {
        let count = Lock(0)
        let threads = (0..<4).map { index in
            Thread(name: "lock-\(index)") { for _ in 0..<10_000 { count.withLock { $0 += 1 } } }
        }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 40_000)
    }

    @Test func aMailboxLosesNothingAndKeepsEachSendersOrder() {
        let test = TestLoop()
        let mailbox = Mailbox<(sender: Int, number: Int)>()
        var next = [0, 0, 0]
        var inOrder = true
        test.loop.attach(mailbox) { message in
            inOrder = inOrder && next[message.sender] == message.number
            next[message.sender] += 1
        }
        let threads = (0..<3).map { sender in
            Thread(name: "sender") { for number in 0..<5000 { mailbox.post((sender, number)) } }
        }
        #expect(test.run { next == [5000, 5000, 5000] })
        #expect(inOrder)
        for thread in threads { thread.join() }
    }

    /// What is posted is either read or handed back, whatever the closing falls between.
    @Test func aClosedMailboxLosesNothing() {
        let mailbox = Mailbox<Int>()
        let taken = Lock(0)
        let senders = (0..<3).map { _ in
            Thread(name: "sender") {
                while mailbox.post(1) { taken.withLock { $0 += 1 } }
            }
        }
        var read = 0
        while read < 1000 { read += mailbox.takeAll().count }
        read += mailbox.close().count
        for sender in senders { sender.join() }
        #expect(taken.withLock { $0 } == read)
        #expect(mailbox.takeAll().isEmpty && mailbox.close().isEmpty && !mailbox.post(1))
    }

    @Test func aLoopStopsByMessageFromAnotherThread() {
        let mailbox = Mailbox<Int>()
        let sum = Lock(0)
        let thread = Thread(name: "worker") {
            let loop = EventLoop(gather: .auto)
            loop.attach(mailbox) { message in
                sum.withLock { $0 += message }
                if message == 0 { loop.stop() }
            }
            loop.run()
            loop.dismantle()
        }
        for number in [1, 2, 3, 0] { mailbox.post(number) }
        thread.join()
        #expect(sum.withLock { $0 } == 6)
        #expect(Processors.available > 0)
    }
}
