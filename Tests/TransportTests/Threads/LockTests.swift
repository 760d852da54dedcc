// Tests locks that several threads want at the same time.
import Testing
import Transport

@Suite struct LockTests {
    @Test func aLockLetsOneThreadInAtATime() {
        let count = Lock(0)
        let threads = (0..<4).map { index in
            Thread(name: "lock-\(index)") { for _ in 0..<10_000 { count.withLock { $0 += 1 } } }
        }
        for thread in threads { thread.join() }
        #expect(count.withLock { $0 } == 40_000)
    }
}
