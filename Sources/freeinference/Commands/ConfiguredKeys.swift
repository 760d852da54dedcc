// The file of API keys that a configuration names, as the subcommands of `keys` need it.
import ArgumentParser
import Configuration
import Edge
import KeyStore
import Routing
import Transport

/// The file of keys that a configuration names, for the subcommands of `keys`.
struct ConfiguredKeys {
    /// The path of the file of keys.
    let path: String
    /// The path of the file with the secret under which keys are hashed.
    let secretPath: String
    /// The ids and aliases of all models of the configuration.
    let modelNames: [String]
    var kind: KeyStoreKind { KeyStoreKind(path: path) }

    /// Reads the configuration; the files that it names need not exist yet.
    ///
    /// Ends the program with 2 if the configuration has errors, and with 1 if it names no file of keys.
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

    /// Ends the program with 1 if the configuration has no model of one of these names.
    func require(_ models: [String]) throws {
        // Names are compared byte by byte, as those of requests are.
        let unknown = models.filter { model in !modelNames.contains { $0.hasBytes(of: model) } }
        guard !unknown.isEmpty else { return }
        let listed = unknown.map { "'\($0)'" }.joined(separator: ", ")
        throw failure("the configuration has no model \(listed); it has: \(modelNames.joined(separator: ", "))")
    }

    /// Returns the hash function with the secret, and makes the secret if there is none.
    ///
    /// Ends the program with 1 if the secret is gone while there are keys that were hashed under it.
    func hash() throws -> HMACSHA256 {
        let lost = KeySecret.keysLost(secretPath, keys: path)
        guard lost == 0 else { throw failure("the secret, \(KeySecret.lostReason(secretPath, keys: lost))") }
        switch KeySecret.loadOrMake(secretPath) {
        case .success(let found): return found
        case .failure(let problem): throw failure("the secret, \(secretPath): \(problem)")
        }
    }

    /// Opens the database for changes and runs `body`; makes the database if there is none.
    ///
    /// Ends the program with 1 on errors.
    func editing<Answer>(_ body: (KeyDatabase) throws(KeyDatabaseError) -> Answer) throws -> Answer {
        do throws(KeyDatabaseError) {
            return try body(try KeyDatabase(editing: path))
        } catch {
            throw failure("\(path): \(error)")
        }
    }
}

/// Writes a message to stderr, and returns the exit code 1, which the caller throws.
func failure(_ text: String) -> ExitCode {
    OperatorLog.say(text)
    return ExitCode(1)
}
