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
        let socket = try notifySocket(at: path)
        defer { close(socket) }
        ServiceNotifier.notify("WATCHDOG=1", environment: ["NOTIFY_SOCKET": path])
        #expect(received(socket) == "WATCHDOG=1")
        // With `waits: false`, a full queue of the socket does not block the caller.
        for _ in 0..<1000 { ServiceNotifier.notify("WATCHDOG=1", environment: ["NOTIFY_SOCKET": path], waits: false) }
        // Without a listening socket, the call does nothing.
        ServiceNotifier.notify("READY=1", environment: ["NOTIFY_SOCKET": path + "-none"])
        ServiceNotifier.notify("READY=1", environment: [:])
    }

    /// systemd has read all earlier notifications when a barrier ends.
    ///
    /// A barrier ends when systemd closes the descriptor that the server sends with it.
    @Test func aBarrierIsPassedWhenItIsRead() throws {
        let path = temporaryDirectory() + "/notify"
        let socket = try notifySocket(at: path)
        defer { close(socket) }
        ServiceNotifier.notify("READY=1", environment: ["NOTIFY_SOCKET": path])
        let barrier = try #require(ServiceNotifier.barrier(environment: ["NOTIFY_SOCKET": path]))
        defer { close(barrier) }
        func isPassed() -> Bool {
            var waiting = pollfd(fd: barrier, events: Int16(POLLIN), revents: 0)
            return poll(&waiting, 1, 0) == 1
        }
        #expect(received(socket) == "READY=1" && !isPassed())
        #expect(received(socket) == "BARRIER=1" && isPassed())
        #expect(ServiceNotifier.barrier(environment: [:]) == nil)
        #expect(ServiceNotifier.barrier(environment: ["NOTIFY_SOCKET": path + "-none"]) == nil)
    }
}

/// A datagram socket that plays systemd's notification socket.
func notifySocket(at path: String) throws -> CInt {
    let address = try #require(SocketAddress(unixPath: path))
    let socket = Glibc.socket(AF_UNIX, CInt(clinux_SOCK_DGRAM_CLOEXEC), 0)
    var storage = address.storage
    try #require(clinux_bind(socket, &storage, address.length) == 0)
    return socket
}

/// The next datagram on the socket; empty if none has arrived.
func received(_ socket: CInt) -> String {
    var buffer = [UInt8](repeating: 0, count: 100)
    let count = recv(socket, &buffer, buffer.count, CInt(MSG_DONTWAIT))
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}
