import Glibc
import Testing

@testable import Edge

@Suite struct ProcessStarterTests {
    private func obstacle(
        process: Int32 = 50,
        parent: Int32 = 1,
        _ first: String?,
        _ environment: [String: String] = [:]
    ) -> String? {
        ProcessStarter(process: process, parent: parent, firstName: first, environment: environment).obstacle
    }

    @Test func whoOutlivesTheProcessIsNoObstacle() {
        #expect(obstacle("systemd") == nil && obstacle("init") == nil && obstacle(nil) == nil)
        #expect(obstacle(parent: 9, "tini") == nil, "its parent decides, and may outlive it")
        let notified = ["NOTIFY_SOCKET": "/run/x", "SYSTEMD_EXEC_PID": "50"]
        #expect(obstacle("systemd", notified) == nil)
        #expect(obstacle("systemd", ["SYSTEMD_EXEC_PID": "49"]) == nil, "it was inherited from another process")
    }

    @Test func whoEndsWithTheProcessIsAnObstacle() {
        #expect(obstacle(process: 1, parent: 0, "freeinference")?.contains("process 1 of its container") == true)
        #expect(obstacle("tini")?.hasPrefix("tini would end the container") == true)
        #expect(obstacle("docker-init") != nil)
        #expect(obstacle("systemd", ["SYSTEMD_EXEC_PID": "50"])?.contains("no Type=notify") == true)
    }

    /// A process that an upgrade has started has process 1 as its parent, and can be upgraded, whatever that is.
    @Test func whatAnUpgradeHasStartedCanBeUpgraded() {
        #expect(obstacle("tini", [Inheritance.variable: "5"]) == nil)
    }

    @Test func thisProcessHasAParentAndAFirstProcess() {
        let starter = ProcessStarter.ofThisProcess(environment: ["A": "1"])
        #expect(starter.process == getpid() && starter.parent == getppid() && starter.environment == ["A": "1"])
        #expect(starter.firstName?.contains("\n") != true)
    }
}
