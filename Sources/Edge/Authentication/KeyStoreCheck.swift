// What the `check` command reports about the API keys and their secret; it changes no file.
internal import Routing
internal import Transport

/// Reads the store of keys and the secret, and lists what is wrong with them.
struct KeyStoreCheck {
    /// Something that is wrong, or that the operator should know.
    struct Finding {
        /// The key of the section `authentication` that the message belongs to.
        var key: String
        var message: String
        var isWarning = false
    }

    private(set) var findings: [Finding] = []
    /// The faults in a YAML file of keys, with their positions in it.
    private(set) var problems: [ConfigurationProblem] = []

    init(path: String, secretPath: String) {
        let keys = keys(in: path)
        guard KeySecret.exists(secretPath) else {
            if keys.isEmpty {
                add("secret", "\(secretPath) is not there: a secret will be made", isWarning: true)
            } else {
                add("secret", KeySecret.lostReason(secretPath, keys: keys.count))
            }
            return
        }
        if case .failure(let problem) = KeySecret.load(secretPath) { add("secret", "\(secretPath): \(problem)") }
        if KeySecret.isShared(secretPath) {
            let message = "others than its owner may read \(secretPath): its mode should be 0600"
            add("secret", message, isWarning: true)
        }
    }

    /// Reads the keys that are not revoked; if they cannot be read, notes why and returns none.
    private mutating func keys(in path: String) -> [AccessKey] {
        if KeyStoreKind(path: path) == .yaml, case .success(let bytes) = SystemFiles.read(path) {
            switch KeyFile.parse(bytes, path: path) {
            case .success(let keys): return keys
            case .failure(let errors):
                problems += errors.problems
                return []
            }
        }
        do throws(KeyStoreError) { return try KeyStoreReader.load(path: path) } catch {
            for problem in error.problems { add("keys", problem) }
            return []
        }
    }

    private mutating func add(_ key: String, _ message: String, isWarning: Bool = false) {
        findings.append(Finding(key: key, message: message, isWarning: isWarning))
    }
}

extension Configuration {
    /// Reports what is wrong with the keys, and listeners on which keys would be sent without TLS.
    func inspectKeys(from root: ConfigurationSection, listeners: [ReadListener]) {
        let reader = root.reader
        guard reader.inspection.looksIntoKeys, let section = root.section("authentication"),
            let path = authentication.keysPath, let secretPath = authentication.secretPath
        else { return }
        for listener in listeners where listener.settings.tls == nil && !listener.settings.address.isLocal {
            let way = "keys pass \(listener.settings.address) in clear: whoever is on the way can read them"
            reader.warn(way, at: listener.position)
        }
        // A file that cannot be read has been reported already.
        guard reader.checkFile(path) == nil else { return }
        let check = KeyStoreCheck(path: path, secretPath: secretPath)
        reader.report(check.problems)
        for finding in check.findings {
            let message = "\(section.name(finding.key)): \(finding.message)"
            let position = section.place(finding.key)
            if finding.isWarning { reader.warn(message, at: position) } else { reader.report(message, at: position) }
        }
    }
}
