// Makes snapshots from the YAML text of their models, for tests.
import Routing

@testable import Edge

extension Registry {
    /// Resolves a configuration with these models, a YAML list in flow style or in lines.
    func resolve(models: String, more: String = "") throws -> Snapshot {
        resolve(try configuration("listeners: [{address: '127.0.0.1:8080'}]\nmodels:\n\(models)\n\(more)"))
    }
}

extension Snapshot {
    /// The model with this id in the configuration.
    func model(_ name: String) -> SnapshotModel { models.first { $0.entry.name == name }! }
    /// The executor of a model at the engine whose URL has this host and port 80.
    func executor(_ model: String, _ host: String) -> Executor {
        self.model(model).pool.members.first { $0.executor.name == "http://\(host):80" }!.executor
    }
}
