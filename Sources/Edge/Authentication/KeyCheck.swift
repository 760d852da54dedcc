// For `check`: what there is to say of API keys and their secret, without changing anything.
internal import Routing
internal import Transport

/// What was found in the file of keys and in that of the secret.
struct KeyCheck {
    struct Finding {
        /// Of `authentication`: where in the configuration it belongs.
        var key: String
        var message: String
        var isWarning = false
    }

    private(set) var findings: [Finding] = []
    /// Faults of a YAML file of keys, at their places in it.
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

    /// The keys in force; none where they cannot be read, which is noted.
    private mutating func keys(in path: String) -> [AccessKey] {
        if KeyStoreKind(path: path) == .yaml, case .success(let bytes) = SystemFiles.read(path) {
            switch KeyFile.parse(bytes, path: path) {
            case .success(let keys): return keys
            case .failure(let errors):
                problems += errors.problems
                return []
            }
        }
        do throws(KeySourceError) { return try KeySource.load(path: path) } catch {
            for problem in error.problems { add("keys", problem) }
            return []
        }
    }

    private mutating func add(_ key: String, _ message: String, isWarning: Bool = false) {
        findings.append(Finding(key: key, message: message, isWarning: isWarning))
    }
}

extension Configuration {
    /// Tells of what is wrong with the keys, and of listeners on which they would pass in clear.
    func inspectKeys(from root: ConfigurationSection, listeners: [ReadListener]) {
        let reader = root.reader
        guard reader.inspection.looksIntoKeys, let section = root.section("authentication"),
            let path = authentication.keysPath, let secretPath = authentication.secretPath
        else { return }
        for listener in listeners where listener.settings.tls == nil && !listener.settings.address.isLocal {
            let way = "keys pass \(listener.settings.address) in clear: whoever is on the way can read them"
            reader.warn(way, at: listener.position)
        }
        // A file that cannot be read has been reported.
        guard reader.checkFile(path) == nil else { return }
        let check = KeyCheck(path: path, secretPath: secretPath)
        reader.report(check.problems)
        for finding in check.findings {
            let message = "\(section.name(finding.key)): \(finding.message)"
            let place = section.place(finding.key)
            if finding.isWarning { reader.warn(message, at: place) } else { reader.report(message, at: place) }
        }
    }
}
