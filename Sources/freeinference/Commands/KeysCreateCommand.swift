// `freeinference keys create`: creates an API key, and prints it once.
import ArgumentParser
import Configuration
import Edge
import KeyStore
import Routing
import Transport

/// Creates a key with its limits, and stores only the hash of the key.
///
/// The hash is written to the database if the configuration names a SQLite file. If it names a YAML file, the command
/// prints the entry to add there.
struct KeysCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
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
    @Option(help: "Requests a minute that may be given up before their answers begin. Default: limits.prefill_resets.")
    var prefillResets: Int?
    @Option(help: "interactive, standard or bulk: how early its requests are served.")
    var priority = PriorityClass.standard
    @Option(help: "Priorities that a request may ask for, with commas between them. Default: none.")
    var priorityChoices: String?
    @Option(help: "A day (2027-01-31, its first moment) or a moment (2027-01-31T12:00:00Z), in UTC.")
    var expires: String?

    func validate() throws {
        let counts = [concurrency, requestsPerMinute, tokensPerMinute].compactMap(\.self)
        guard counts.allSatisfy({ (1...KeyLimits.most).contains($0) }) else {
            throw ValidationError("Limits must be between 1 and \(KeyLimits.most).")
        }
        if let prefillResets, !(1...KeyLimits.prefillResetsMost).contains(prefillResets) {
            throw ValidationError("--prefill-resets must be between 1 and \(KeyLimits.prefillResetsMost).")
        }
        guard !tenant.isEmpty, ([tenant] + modelNames).allSatisfy(Self.isPlain) else {
            throw ValidationError("Names must not be empty nor have control characters.")
        }
        guard models == nil || !modelNames.isEmpty else { throw ValidationError("--models names none.") }
        if priorityChoices != nil {
            let choices = Self.names(priorityChoices)
            let names = PriorityClass.allCases.map(\.rawValue)
            guard !choices.isEmpty, choices.allSatisfy(names.contains) else {
                throw ValidationError("--priority-choices must be some of \(names.joined(separator: ", ")).")
            }
        }
        if let expires { try Self.validate(expiry: expires) }
    }

    private static func validate(expiry expires: String) throws {
        guard let moment = Timestamp.seconds(expires) else {
            throw ValidationError("--expires must be \(Timestamp.expected).")
        }
        guard moment > Clock.wallTime().seconds else {
            throw ValidationError("--expires is over already: a day is its first moment, in UTC.")
        }
    }

    private var modelNames: [String] { Self.names(models) }

    /// The values of `--models` or `--priority-choices`, which are separated by commas; empty if `list` is nil.
    private static func names(_ list: String?) -> [String] {
        (list ?? "").split(separator: ",").map { trimmed($0) }.filter { !$0.isEmpty }
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
        let store = try ConfiguredKeys(options)
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
                tokensPerMinute: tokensPerMinute,
                prefillResets: prefillResets
            ),
            priority: PriorityRule(
                usual: priority,
                choices: Self.names(priorityChoices).compactMap { PriorityClass(rawValue: $0) }
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

extension AccessKey.Role: ExpressibleByArgument {}
extension PriorityClass: ExpressibleByArgument {}
