import Configuration
import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct CommandSocketTests {
    private let folder = temporaryDirectory()

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        guard stat(path, &status) == 0 else { return 0 }
        return status.st_mode & 0o777
    }

    @Test func onlyTheOwnUserCanConnect() throws {
        let path = folder + "/sub/admin.sock"
        let opened = CommandSocket.open(.path(path), environment: [:])
        let sockets = try #require(opened.sockets)
        #expect(opened.problem == nil && mode(path) == 0o600)
        // A second server does not take the socket from a running server.
        let second = CommandSocket.open(.path(path), environment: [:])
        #expect(second.sockets == nil && second.problem?.contains("another server has it") == true)
        sockets.close()
        #expect(mode(path) == 0, "the file is gone")
    }

    @Test func theFileOfADeadServerIsReplaced() throws {
        let path = folder + "/admin.sock"
        let dead = try #require(CommandSocket.open(.path(path), environment: [:]).sockets)
        dead.sockets(address: 0)[0].close()
        #expect(mode(path) == 0o600)
        let opened = CommandSocket.open(.path(path), environment: [:])
        #expect(opened.problem == nil)
        opened.sockets?.close()
    }

    @Test func thereMayBeNone() {
        let off = CommandSocket.open(.off, environment: [:])
        #expect(off.sockets == nil && off.problem == nil)
        let long = CommandSocket.open(.path("/" + String(repeating: "x", count: 200)), environment: [:])
        #expect(long.problem?.contains("too long") == true)
        let nowhere = CommandSocket.open(.path("/proc/none/admin.sock"), environment: [:])
        #expect(nowhere.sockets == nil && nowhere.problem?.contains("/proc/none/admin.sock") == true)
    }

    @Test func theUsersFolderIsTriedAfterTheSystems() {
        let paths = CommandSocket.defaultPaths(environment: ["XDG_RUNTIME_DIR": "/run/user/7"])
        #expect(paths == ["/run/freeinference/admin.sock", "/run/user/7/freeinference/admin.sock"])
        #expect(CommandSocket.defaultPaths(environment: ["XDG_RUNTIME_DIR": "relative"]).count == 1)
    }
}
