// Tests threads that run an event loop.
import LoopTesting
import Testing
import Transport

@Suite struct ThreadTests {
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
