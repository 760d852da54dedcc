// Finds and opens the file of API keys whose path is in the configuration, for the subcommands of `keys`.
import ArgumentParser
import Configuration
import Edge
import KeyStore
import Routing
import Transport

/// The file of API keys that the configuration names, and the file with the secret for hashing keys.
struct ConfiguredKeys {
    /// The path of the file of API keys.
    let path: String
    /// The path of the file with the secret for hashing keys.
    let secretPath: String
    /// The ids and aliases of all models in the configuration.
    let modelNames: [String]
    var kind: KeyStoreKind { KeyStoreKind(path: path) }

    /// Reads the configuration.
    ///
    /// The files that the configuration names need not exist yet.
    ///
    /// Exits with 2 if the configuration has errors, and with 1 if it names no file of keys.
    init(_ options: ConfigurationOption) throws {
        switch Configuration.load(path: options.config, checkFile: { _ in nil }) {
        case .failure(let errors):
            OperatorLog.say("the configuration has errors\n\(errors)")
            throw ExitCode(2)
        case .success(let configuration):
            guard let path = configuration.authentication.keysPath,
                let secretPath = configuration.authentication.secretPath
            else { throw failure("\(options.config) names no authentication.keys") }
            self.path = path
            self.secretPath = secretPath
            modelNames = configuration.models.flatMap { [$0.id] + $0.aliases }
        }
    }

    /// Exits with 1 if the configuration has no model with one of the names in `models`.
    func require(_ models: [String]) throws {
        // Names are compared byte by byte, as the server compares the model names in requests.
        let unknown = models.filter { model in !modelNames.contains { $0.hasBytes(of: model) } }
        guard !unknown.isEmpty else { return }
        let listed = unknown.map { "'\($0)'" }.joined(separator: ", ")
        throw failure("the configuration has no model \(listed); it has: \(modelNames.joined(separator: ", "))")
    }

    /// Returns the hash function with the stored secret; makes a new secret if there is none.
    ///
    /// Exits with 1 if the secret is missing although stored keys were hashed with it.
    func hash() throws -> HMACSHA256 {
        let lost = KeySecret.keysLost(secretPath, keys: path)
        guard lost == 0 else { throw failure("the secret, \(KeySecret.lostReason(secretPath, keys: lost))") }
        switch KeySecret.loadOrMake(secretPath) {
        case .success(let found): return found
        case .failure(let problem): throw failure("the secret, \(secretPath): \(problem)")
        }
    }

    /// Opens the file of API keys, a SQLite database, for changes, and calls `body` with it.
    ///
    /// Creates the database if the file does not exist.
    ///
    /// Exits with 1 on errors.
    func editing<Answer>(_ body: (KeyDatabase) throws(KeyDatabaseError) -> Answer) throws -> Answer {
        do throws(KeyDatabaseError) {
            return try body(try KeyDatabase(editing: path))
        } catch {
            throw failure("\(path): \(error)")
        }
    }
}

/// Writes a message to stderr, and returns exit code 1 for the caller to throw.
func failure(_ text: String) -> ExitCode {
    OperatorLog.say(text)
    return ExitCode(1)
}
