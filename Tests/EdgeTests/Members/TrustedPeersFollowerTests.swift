// How the edge follows the changes of a file that lists trusted peers, also when the edge makes new listener settings.
import Configuration
import Foundation
import HTTP
import LoopTesting
import Testing
import Transport

@testable import Edge

@Suite struct TrustedPeersFollowerTests {
    private let folder = temporaryDirectory()
    private var path: String { "\(folder)/ranges.txt" }

    private func write(_ text: String) throws { try text.write(toFile: path, atomically: false, encoding: .utf8) }
    private func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(numeric: text, port: 1)) }

    /// The settings of the listeners, from a configuration that is read now and contains the file's present list.
    private func plans() throws -> [ListenerPlan] {
        let text = """
            listeners: [{address: '127.0.0.1:1', trusted_peers: '\(path)', client_address: forwarded}]
            models: [{id: a, executors: [{url: 'http://own'}]}]
            """
        let read: (String) -> Result<[UInt8], FileProblem> = {
            $0 == "c" ? .success(Array(text.utf8)) : SystemFiles.read($0)
        }
        return ListenerPlan.all(in: try Configuration.load(path: "c", readFile: read).get())
    }

    @Test func aChangeHoldsWithoutAReloadAndSurvivesNewPlans() throws {
        try write("10.0.0.0/8\n")
        var said: [String] = []
        let follower = TrustedPeersFollower(loop: EventLoop()) { text, _ in said.append(text) }
        let old = try plans()
        follower.adopt(old)
        defer { follower.stop() }
        let stale = try plans()
        try write("192.0.2.0/24\n")
        follower.look(now: 0)
        let trusted = try #require(old.first?.settings.access.trustedPeers)
        #expect(try trusted.contains(address("192.0.2.1")) && !trusted.contains(address("10.0.0.1")))
        // When a certificate is renewed, the server makes listener settings anew from a configuration that was read
        // before the file changed. The follower then puts the changed list into these settings, too.
        follower.adopt(stale)
        let renewed = try #require(stale.first?.settings.access.trustedPeers)
        #expect(try renewed.contains(address("192.0.2.1")) && !renewed.contains(address("10.0.0.1")))
        // If the new contents of the file are invalid, the last list stays in use, and one warning is written.
        try write("not an address\n")
        follower.look(now: 0)
        follower.look(now: 0)
        #expect(try renewed.contains(address("192.0.2.1")) && said.count == 1)
        #expect(said.first?.hasPrefix("warning: the last list of trusted peers stays: \(path): line 1: ") == true)
    }
}
