import Foundation
import Testing

/// The server's notifications to systemd; a socket of the test receives them instead of systemd.
@Suite struct ServiceTests {
    @Test func theWatchdogIsFedAndTheTimeOfTheEndIsAskedFor() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("notify")
        let socket = try NotifySocket(path)
        let settings = "lame_duck: 1s\ndrain_timeout: 2s"
        let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: settings)
        let environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"]
        try await withServer(configuration, environment: environment) { server in
            _ = try await eventually("readiness") { socket.count("READY=1") == 1 ? true : nil }
            _ = try await eventually("the watchdog") { socket.count("WATCHDOG=1") >= 5 ? true : nil }
            // After a pause of the whole process, no worker is reported as silent, and the watchdog is notified again.
            server.process.signal(SIGSTOP)
            try await Task.sleep(for: .seconds(3))
            let fed = socket.count("WATCHDOG=1")
            server.process.signal(SIGCONT)
            _ = try await eventually("the watchdog") { socket.count("WATCHDOG=1") >= fed + 5 ? true : nil }
            #expect(server.process.errors.contains("the process was paused"))
            server.process.signal(SIGTERM)
            // The socket has room for a few messages only, so the test must read them; otherwise the server could not
            // send more.
            _ = try await eventually("the end") {
                _ = socket.count("")
                return server.process.isRunning ? nil : true
            }
            try await expect(server.process.ending()) { $0 == .exited(0) }
            _ = socket.count("")
            #expect(socket.states.contains("STOPPING=1\nEXTEND_TIMEOUT_USEC=18000000"), "\(socket.states.suffix(5))")
        }
    }

    /// If WATCHDOG_PID names another process, as in inherited variables, the server does not notify the watchdog.
    @Test func theWatchdogOfAnotherProcessIsNotFed() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("notify")
        let socket = try NotifySocket(path)
        let configuration = Configuration(executors: ["http://127.0.0.1:1"])
        let environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"]
        try await withServer(configuration, environment: environment) { server in
            _ = try await eventually("readiness") { socket.count("READY=1") == 1 ? true : nil }
            try await expect(server.curl("/health")) { $0.status == 200 }
            #expect(socket.count("WATCHDOG") == 0)
        }
    }
}
