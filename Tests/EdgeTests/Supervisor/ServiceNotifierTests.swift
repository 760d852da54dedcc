import CLinux
import Glibc
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct ServiceNotifierTests {
    private func interval(_ environment: [String: String]) -> Nanoseconds? {
        ServiceNotifier.watchdogInterval(environment: environment, process: 42)
    }

    @Test func theWatchdogIsNotifiedTwiceInItsTime() {
        #expect(interval(["WATCHDOG_USEC": "30000000"]) == 15_000_000_000)
        #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"]) == 15_000_000_000)
    }

    @Test func aWatchdogOfAnotherProcessOrOfNobodyIsNone() {
        #expect(interval([:]) == nil)
        #expect(interval(["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"]) == nil)
        for text in ["", "0", "1", "-5", "30s", "99999999999999999999", "18446744073709551615"] {
            #expect(interval(["WATCHDOG_USEC": text]) == nil, "\(text)")
        }
    }

    @Test func theTimeOfTheEndIsAskedFor() {
        let state = ServiceNotifier.stopping(within: 90_000_000_000)
        #expect(state == "STOPPING=1\nEXTEND_TIMEOUT_USEC=105000000")
    }

    /// The state is sent as a datagram to the socket in NOTIFY_SOCKET.
    @Test func aStateIsSent() throws {
        let path = temporaryDirectory() + "/notify"
        let address = try #require(SocketAddress(unixPath: path))
        let socket = Glibc.socket(AF_UNIX, CInt(clinux_SOCK_DGRAM_CLOEXEC), 0)
        defer { close(socket) }
        var storage = address.storage
        try #require(clinux_bind(socket, &storage, address.length) == 0)
        ServiceNotifier.notify("WATCHDOG=1", environment: ["NOTIFY_SOCKET": path])
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = recv(socket, &buffer, buffer.count, CInt(MSG_DONTWAIT))
        #expect(count == 10 && String(decoding: buffer.prefix(10), as: UTF8.self) == "WATCHDOG=1")
        // With `waits: false`, a full queue of the socket does not block the caller.
        for _ in 0..<1000 { ServiceNotifier.notify("WATCHDOG=1", environment: ["NOTIFY_SOCKET": path], waits: false) }
        // Without a listening socket, the call does nothing.
        ServiceNotifier.notify("READY=1", environment: ["NOTIFY_SOCKET": path + "-none"])
        ServiceNotifier.notify("READY=1", environment: [:])
    }
}
