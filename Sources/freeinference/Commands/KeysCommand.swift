// `freeinference keys`: API keys, made, listed and revoked.
import ArgumentParser
import Edge
import KeyStore
import Routing
import Transport

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, list and revoke API keys.",
        discussion: """
            In the file that authentication.keys of the configuration names. A SQLite database is edited, and made \
            where it is not there; a YAML file is yours: what to change in it is said. A running server follows within \
            a second.
            """,
        subcommands: [Create.self, List.self, Revoke.self]
    )
}

/// The store that a configuration names.
private struct Store {
    let path: String
    let secretPath: String
    /// Ids and aliases of the models of the configuration.
    let modelNames: [String]
    var kind: KeyStoreKind { KeyStoreKind(path: path) }

    /// Files need not be there yet.
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

    /// Ends with 1 where a key for these models would open nothing.
    func require(_ models: [String]) throws {
        // By their bytes, as requests are.
        let unknown = models.filter { model in !modelNames.contains { $0.hasBytes(of: model) } }
        guard !unknown.isEmpty else { return }
        let listed = unknown.map { "'\($0)'" }.joined(separator: ", ")
        throw failure("the configuration has no model \(listed); it has: \(modelNames.joined(separator: ", "))")
    }

    /// The hash under the secret, which is made where there are no keys yet that would need another one.
    func hash() throws -> HMACSHA256 {
        let lost = KeySecret.keysLost(secretPath, keys: path)
        guard lost == 0 else { throw failure("the secret, \(KeySecret.lostReason(secretPath, keys: lost))") }
        switch KeySecret.loadOrMake(secretPath) {
        case .success(let found): return found
        case .failure(let problem): throw failure("the secret, \(secretPath): \(problem)")
        }
    }

    func editing<Answer>(_ body: (KeyDatabase) throws(KeyDatabaseError) -> Answer) throws -> Answer {
        do throws(KeyDatabaseError) {
            return try body(try KeyDatabase(editing: path))
        } catch {
            throw failure("\(path): \(error)")
        }
    }
}

/// Says what is wrong, and ends with 1.
private func failure(_ text: String) -> ExitCode {
    OperatorLog.say(text)
    return ExitCode(1)
}

extension KeysCommand {
    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key. It is shown once, and stored nowhere.",
            discussion:
                """
                Standard output has the key alone; the rest, and the entry of a YAML file, goes to standard error.
                """
        )

        @OptionGroup var options: ConfigurationOption
        @Option(help: "Whose key it is.") var tenant: String
        @Option(help: "user: asks models; observer: only sees which there are.") var role = AccessKey.Role.user
        @Option(help: "Ids of the models that it may use, with commas between them. Default: all.") var models: String?
        @Option(help: "Requests at once.") var concurrency: Int?
        @Option(help: "Requests a minute.") var requestsPerMinute: Int?
        @Option(help: "Tokens a minute, of prompts and answers.") var tokensPerMinute: Int?
        @Option(help: "A day (2027-01-31, its first moment) or a moment (2027-01-31T12:00:00Z), in UTC.")
        var expires: String?

        func validate() throws {
            let counts = [concurrency, requestsPerMinute, tokensPerMinute].compactMap(\.self)
            guard counts.allSatisfy({ (1...KeyLimits.most).contains($0) }) else {
                throw ValidationError("Limits must be between 1 and \(KeyLimits.most).")
            }
            guard !tenant.isEmpty, ([tenant] + modelNames).allSatisfy(Self.isPlain) else {
                throw ValidationError("Names must not be empty nor have control characters.")
            }
            guard models == nil || !modelNames.isEmpty else { throw ValidationError("--models names none.") }
            guard let expires else { return }
            guard let moment = Timestamp.seconds(expires) else {
                throw ValidationError("--expires must be \(Timestamp.expected).")
            }
            guard moment > Clock.wallTime().seconds else {
                throw ValidationError("--expires is over already: a day is its first moment, in UTC.")
            }
        }

        private var modelNames: [String] {
            (models ?? "").split(separator: ",").map { Self.trimmed($0) }.filter { !$0.isEmpty }
        }

        private static func trimmed(_ text: Substring) -> String {
            var text = text
            while text.first == " " { text.removeFirst() }
            while text.last == " " { text.removeLast() }
            return String(text)
        }

        private static func isPlain(_ text: String) -> Bool {
            text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }

        func run() throws {
            let store = try Store(options)
            try store.require(modelNames)
            let hash = try store.hash()
            let text = AccessKey.makeSecretText()
            let key = AccessKey(
                id: AccessKey.makeID(),
                hash: hash(text.utf8),
                tenant: tenant,
                role: role,
                models: models == nil ? nil : modelNames,
                limits: KeyLimits(
                    concurrency: concurrency,
                    requestsPerMinute: requestsPerMinute,
                    tokensPerMinute: tokensPerMinute
                ),
                expires: expires.flatMap { Timestamp.seconds($0) }
            )
            switch store.kind {
            case .sqlite:
                let record = KeyDatabase.Record(key: key, created: Clock.wallTime().seconds)
                try store.editing { database throws(KeyDatabaseError) in try database.add(record) }
                OperatorLog.say("key \(key.id) of \(tenant), shown once:")
            case .yaml:
                OperatorLog.say("put this under 'keys:' in \(store.path):\n\(KeyFile.entry(key))")
                OperatorLog.say("key \(key.id) of \(tenant), shown once:")
            }
            print(text)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the keys, never what they are.")

        @OptionGroup var options: ConfigurationOption

        func run() throws {
            let store = try Store(options)
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
            if let count = key.limits.concurrency { words.append("concurrency=\(count)") }
            if let count = key.limits.requestsPerMinute { words.append("requests_per_minute=\(count)") }
            if let count = key.limits.tokensPerMinute { words.append("tokens_per_minute=\(count)") }
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

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a key, by its id.")

        @OptionGroup var options: ConfigurationOption
        @Argument(help: "As `keys list` and the log show it.") var id: String

        func run() throws {
            let store = try Store(options)
            switch store.kind {
            case .sqlite:
                let now = Clock.wallTime().seconds
                // Nothing is made where there is nothing to revoke.
                do throws(KeyDatabaseError) { _ = try KeyDatabase(reading: store.path) } catch {
                    throw failure("\(store.path): \(error)")
                }
                let isRevoked = try store.editing { database throws(KeyDatabaseError) in
                    try database.revoke(id, at: now)
                }
                guard isRevoked else { throw failure("no key in force has the id \(id)") }
                print("revoked \(id)")
            case .yaml:
                let keys: [AccessKey]
                do throws(KeyStoreError) { keys = try KeyStoreReader.load(path: store.path) } catch {
                    throw failure("\(error)")
                }
                guard keys.contains(where: { $0.id == id }) else { throw failure("no key in force has the id \(id)") }
                print("take the entry with 'id: \(id)' out of \(store.path)")
            }
        }
    }
}

extension AccessKey.Role: ExpressibleByArgument {}
