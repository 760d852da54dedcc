import CLinux
import Glibc
import Testing

@testable import Transport

@Suite struct PeerUserTests {
    @Test func thePeerOfASocketPairIsThisProcess() throws {
        var pair: [CInt] = [0, 0]
        #expect(unsafe socketpair(AF_UNIX, CInt(clinux_SOCK_STREAM_FLAGS), 0, &pair) == 0)
        defer { for descriptor in pair { close(descriptor) } }
        let user = try #require(PeerUser(of: Socket(descriptor: pair[0])))
        #expect(user == PeerUser(user: getuid(), process: getpid()))
        let name = user.name.map { "user \($0)" } ?? "uid \(getuid())"
        #expect("\(user)" == "\(name) (pid \(getpid()))")
    }

    @Test func whatIsNoUnixSocketHasNone() {
        #expect(PeerUser(of: Socket(descriptor: -1)) == nil)
        let descriptor = socket(AF_INET, CInt(clinux_SOCK_STREAM_FLAGS), 0)
        defer { close(descriptor) }
        #expect(PeerUser(of: Socket(descriptor: descriptor)) == nil)
    }

    @Test func aUserWithoutANameIsANumber() {
        #expect("\(PeerUser(user: 3_999_999_999, process: 1))" == "uid 3999999999 (pid 1)")
    }
}
