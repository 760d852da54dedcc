import HTTP
import LoopTesting
import Testing
import Transport

@testable import Edge

/// A worker's connections to engines, across snapshots.
@Suite struct EngineClientsTests {
    private let test = TestLoop()
    private let registry = Registry()

    private func resolve(_ models: String...) throws -> Snapshot {
        try registry.resolve(models: models.joined(separator: "\n"))
    }

    @Test func modelsAtOneEngineShareConnections() throws {
        var clients = EngineClients(loop: test.loop, environment: ExecutorEnvironment())
        let snapshot = try resolve(
            "- {id: a, executors: [{url: 'http://e'}, {url: 'http://f'}]}",
            "- {id: b, executors: [{url: 'http://e'}]}"
        )
        let (a, b) = (snapshot.models[0].targets, snapshot.models[1].targets)
        #expect(clients.client(of: a[0].engine) === clients.client(of: b[0].engine))
        #expect(clients.client(of: a[0].engine) !== clients.client(of: a[1].engine))
    }

    @Test func connectionsOutliveAConfiguration() throws {
        var clients = EngineClients(loop: test.loop, environment: ExecutorEnvironment())
        let before = try resolve("- {id: a, executors: [{url: 'http://e'}, {url: 'http://f'}, {url: 'http://g'}]}")
        let old = before.models[0].targets.map { clients.client(of: $0.engine) }
        // The engine `f` is removed, and `g` has a new idle timeout.
        let after = try resolve(
            "- {id: new, executors: [{url: 'http://h'}]}",
            "- {id: a, executors: [{url: 'http://g', idle_timeout: 1s}, {url: 'http://e', api_key: k}]}"
        )
        clients.adopt(after)
        let new = after.models[1].targets.map { clients.client(of: $0.engine) }
        #expect(new[1] === old[0] && new[0] !== old[2])
        // An exchange of the first snapshot can still reach the removed engine, through a new client.
        #expect(clients.client(of: before.models[0].targets[1].engine) !== old[1])
    }
}
