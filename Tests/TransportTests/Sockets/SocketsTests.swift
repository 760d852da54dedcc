// Unix socket files: a file that a dead process left is replaced, any other file is kept.
import CLinux
import Glibc
import LoopTesting
import Testing
import Transport

@Suite struct SocketsTests {
    @Test func aStaleUnixSocketIsReplacedAndALiveOneIsNot() throws {
        let path = temporaryDirectory() + "/s.sock"
        let address = SocketAddress(unixPath: path)!
        // Closing the socket leaves its file in place, as the death of a process does.
        try Sockets.listen(on: address, shared: false).close()
        #expect(access(path, F_OK) == 0)
        let live = try ListenerSet(addresses: [address], workers: 2)
        #expect(live.sockets(address: 0).count == 1)
        #expect(throws: ListenerSet.Failure.self) { try ListenerSet(addresses: [address], workers: 2) }
        live.close()
        #expect(access(path, F_OK) != 0)
    }

    @Test func aFileThatIsNoSocketStays() throws {
        let path = temporaryDirectory() + "/precious"
        close(creat(path, 0o600))
        #expect(throws: ListenerSet.Failure.self) {
            try ListenerSet(addresses: [SocketAddress(unixPath: path)!], workers: 1)
        }
        #expect(access(path, F_OK) == 0)
    }
}
