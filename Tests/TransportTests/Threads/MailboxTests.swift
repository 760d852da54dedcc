// Mailboxes that carry messages between threads.
import LoopTesting
import Testing
import Transport

@Suite struct MailboxTests {
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

    /// Each message is either read or returned to its sender, whenever the mailbox closes.
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
}
