// Tests that a unix socket's file gets the configured mode and group.
import CLinux
import Glibc
import LoopTesting
import Testing
import Transport

@Suite struct SocketFileAccessTests {
    @Test func theFileOfAUnixSocketHasTheModeAndGroupItIsGiven() throws {
        func status(_ access: SocketFileAccess) throws -> stat {
            let path = temporaryDirectory() + "/s.sock"
            let set = try ListenerSet(addresses: [SocketAddress(unixPath: path)!], workers: 2, access: [access])
            defer { set.close() }
            var status = stat()
            #expect(stat(path, &status) == 0)
            return status
        }
        #expect(try status(SocketFileAccess(mode: 0o666)).st_mode & 0o777 == 0o666)
        #expect(try status(SocketFileAccess(mode: 0o600)).st_mode & 0o777 == 0o600)
        // A process may give a file any group that it is a member of, without privileges.
        let own = String(getegid())
        let grouped = try status(SocketFileAccess(group: own))
        #expect(grouped.st_gid == getegid() && grouped.st_mode & 0o777 == 0o660)
        #expect(try status(SocketFileAccess(mode: 0o620, group: own)).st_mode & 0o777 == 0o620)
        if geteuid() == 0 { #expect(try status(SocketFileAccess(group: "65534")).st_gid == 65534) }
        let failure = #expect(throws: ListenerSet.Failure.self) { try status(SocketFileAccess(group: "no such group")) }
        #expect(failure?.description.contains("group no such group") == true)
        #expect(SocketFileAccess.groupID("root") == 0)
        #expect(SocketFileAccess.groupID("12") == 12)
    }
}
