// `freeinference keys revoke`: revokes an API key.
import ArgumentParser
import Edge
import KeyStore
import Routing
import Transport

/// Marks a key in a SQLite database as revoked.
///
/// If the keys are in a YAML file, the command only prints which entry the operator must remove.
struct KeysRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "Revoke a key, by its id.")

    @OptionGroup var options: ConfigurationOption
    @Argument(help: "As `keys list` and the log show it.") var id: String

    func run() throws {
        let store = try ConfiguredKeys(options)
        switch store.kind {
        case .sqlite: try revoke(in: store)
        case .yaml: try explain(store)
        }
    }

    private func revoke(in store: ConfiguredKeys) throws {
        let now = Clock.wallTime().seconds
        // The database is first opened for reading, so that a missing database is an error. `editing` would create it.
        do throws(KeyDatabaseError) { _ = try KeyDatabase(reading: store.path) } catch {
            throw failure("\(store.path): \(error)")
        }
        let isRevoked = try store.editing { database throws(KeyDatabaseError) in
            try database.revoke(id, at: now)
        }
        guard isRevoked else { throw failure("no key in force has the id \(id)") }
        print("revoked \(id)")
    }

    /// Prints how to revoke a key in a YAML file, which the command does not change.
    private func explain(_ store: ConfiguredKeys) throws {
        let keys: [AccessKey]
        do throws(KeyStoreError) { keys = try KeyStoreReader.load(path: store.path) } catch {
            throw failure("\(error)")
        }
        guard keys.contains(where: { $0.id == id }) else { throw failure("no key in force has the id \(id)") }
        print("take the entry with 'id: \(id)' out of \(store.path)")
    }
}
