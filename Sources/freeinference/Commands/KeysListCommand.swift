// `freeinference keys list`: prints one line for each API key, with its id and limits but without the key itself.
import ArgumentParser
import Edge
import KeyStore
import Routing
import Transport

/// Prints the id, tenant, role, models, limits and dates of each key.
struct KeysListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the keys, never what they are."
    )

    @OptionGroup var options: ConfigurationOption

    func run() throws {
        let store = try ConfiguredKeys(options)
        let records: [KeyDatabase.Record]
        switch store.kind {
        case .sqlite:
            do throws(KeyDatabaseError) {
                records = try KeyDatabase(reading: store.path).records()
            } catch {
                throw failure("\(store.path): \(error)")
            }
        case .yaml:
            do throws(KeyStoreError) {
                records = try KeyStoreReader.load(path: store.path).map { KeyDatabase.Record(key: $0, created: 0) }
            } catch {
                throw failure("\(error)")
            }
        }
        let now = Clock.wallTime().seconds
        for record in records { print(Self.line(record, now: now)) }
    }

    private static func line(_ record: KeyDatabase.Record, now: Int) -> String {
        let key = record.key
        var words = ["\(key.id)", "tenant=\(key.tenant)", "role=\(key.role.rawValue)"]
        words.append("models=\(key.models?.joined(separator: ",") ?? "all")")
        words += key.limits.named.map { "\($0.name)=\($0.count)" }
        words += key.priority.named.map { "\($0.name)=\($0.value)" }
        if record.created > 0 { words.append("created=\(Timestamp.rfc3339(seconds: record.created))") }
        if let expires = key.expires { words.append("expires=\(Timestamp.rfc3339(seconds: expires))") }
        if let revoked = record.revoked {
            words.append("revoked=\(Timestamp.rfc3339(seconds: revoked))")
        } else if key.isExpired(at: now) {
            words.append("expired")
        }
        return words.joined(separator: " ")
    }
}
