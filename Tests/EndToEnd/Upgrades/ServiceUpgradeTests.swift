import Foundation
import Testing

/// What the server tells systemd about an upgrade; a socket of the test receives the messages instead of systemd.
@Suite struct ServiceUpgradeTests {
    private func withService(_ body: (UpgradableServer, NotifySocket) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("notify")
        let socket = try NotifySocket(path)
        try await withUpgrades(environment: ["NOTIFY_SOCKET": path]) { upgradable in
            _ = try await eventually("readiness") { socket.count("READY=1") == 1 ? true : nil }
            try await body(upgradable, socket)
        }
    }

    /// Until systemd has read that the new process is the main one, it sends its signals to the old process.
    ///
    /// The old process passes these signals on to the new process. It ends after the new process, because systemd would
    /// kill the new process otherwise.
    @Test func aStopBeforeSystemdKnowsTheNewProcessStopsTheNewOne() async throws {
        try await withService { upgradable, socket in
            let old = upgradable.server.process
            let new = try await upgradable.upgraded()
            let curl = try await upgradable.beginStream()
            upgradable.executor.process.signal(SIGSTOP)
            old.signal(SIGHUP)
            try await upgradable.said("the signal \(SIGHUP) goes on to the main process")
            try await upgradable.said("reload: nothing")
            old.signal(SIGTERM)
            try await upgradable.said("the signal \(SIGTERM) goes on to the main process")
            try await upgradable.said("waiting for the main process \(new), for which systemd takes this one")
            try await upgradable.said("draining 1 exchanges")
            #expect(old.isRunning && UpgradableServer.isRunning(new))
            upgradable.executor.process.signal(SIGCONT)
            try await upgradable.expectWhole(curl)
            try await expect(old.ending()) { $0 == .exited(0) }
            #expect(!UpgradableServer.isRunning(new))
            #expect(socket.count("MAINPID=\(new)\nREADY=1") == 1 && socket.count("STOPPING=1") == 2)
        }
    }

    /// Once systemd has read that the new process is the main one, the old process passes no more signals on to it.
    @Test func aSignalToTheOldProcessIsItsOwnOnceSystemdKnowsTheNewOne() async throws {
        try await withService { upgradable, socket in
            let curl = try await upgradable.beginStream()
            let new = try await upgradable.upgraded()
            _ = try await eventually("the barrier") { socket.count("BARRIER=1") == 1 ? true : nil }
            try await eventually("words of the old process") {
                upgradable.server.process.signal(SIGHUP)
                return upgradable.messages.contains("SIGHUP is ignored: this process drains") ? true : nil
            }
            upgradable.server.process.signal(SIGTERM)
            try await upgradable.said("this older process has to end")
            try await upgradable.expectWhole(curl)
            try await expect(upgradable.server.process.ending()) { $0 == .exited(0) }
            try await expect(upgradable.main()) { $0 == new }
            try await expect(upgradable.server.curl("/v1/models")) { $0.status == 200 }
        }
    }

    /// Without `Type=notify` in the unit, an upgrade is refused.
    ///
    /// systemd would take the end of the old process, which it has started, for the end of the service.
    @Test func aUnitThatSystemdCannotFollowIsNotUpgraded() async throws {
        let launcher = ["bash", "-c", "SYSTEMD_EXEC_PID=$$ exec \"$@\"", "-"]
        try await withUpgrades(launcher: launcher) { upgradable in
            let said = try await upgradable.upgrade()
            #expect(said.status == .exited(2) && said.output.contains("no Type=notify"), "\(said)")
            try await expect(upgradable.server.curl("/v1/models")) { $0.status == 200 }
        }
    }
}
