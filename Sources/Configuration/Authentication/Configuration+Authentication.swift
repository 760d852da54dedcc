// Reads the section `authentication` of a configuration, which says which clients may send requests.
internal import Routing

extension Configuration {
    /// Reads `authentication`, and reports an error if API keys are required but no file of keys is named.
    ///
    /// Keys are required by default if other machines can reach a listener.
    mutating func readAuthentication(from root: ConfigurationSection) {
        let section = root.section("authentication")
        if let section {
            authentication.keysPath = section.readableFile("keys")
            // The file that `secret` names is not checked, because the server makes the file if it is missing.
            authentication.secretPath = section.text("secret", expecting: "the path of a file").map(root.reader.resolve)
            if let anonymous = section.section("anonymous") {
                authentication.anonymousLimits = KeyLimits(reading: anonymous)
                authentication.anonymousPriority = PriorityRule(reading: anonymous)
                anonymous.finish()
            }
            section.read("required", &authentication.required)
            section.finish()
        }
        let open = "write 'authentication: {required: false}' to serve everyone"
        if let keys = authentication.keysPath {
            if authentication.secretPath == nil { authentication.secretPath = keys + ".secret" }
            // If a file of keys is named, every listener requires a key, unless the section sets `required`.
            if section?.has("required") != true { authentication.required = true }
        } else if authentication.required, let section, !section.has("keys") {
            let message = "authentication.required: true needs authentication.keys, a file of keys; or \(open)"
            root.reader.report(message, at: section.position(of: "required"))
        } else if section?.has("required") != true, section?.has("keys") != true,
            let listener = listeners.first(where: { !$0.address.isLocal })
        {
            let why = "others can reach \(listener.address), so authentication.required is true by default"
            let message = "\(why): name a file of keys as authentication.keys, or \(open)"
            root.reader.report(message, at: section?.position ?? root.position(of: "listeners"))
        }
    }

    /// Checks the file of API keys and the file of the secret with which the keys are hashed, and warns about listeners
    /// that receive keys in cleartext.
    func inspectKeys(from root: ConfigurationSection, listeners: [ReadListener]) {
        let reader = root.reader
        guard let inspect = reader.inspection.keys, let section = root.section("authentication"),
            let path = authentication.keysPath, let secretPath = authentication.secretPath
        else { return }
        for listener in listeners where listener.settings.tls == nil && !listener.settings.address.isLocal {
            let way = "keys pass \(listener.settings.address) in clear: whoever is on the way can read them"
            reader.warn(way, at: listener.position)
        }
        // A file that cannot be read has already been reported by `readAuthentication`.
        guard reader.checkFile(path) == nil else { return }
        let found = inspect(path, secretPath)
        reader.report(found.problems)
        for finding in found.findings {
            if finding.isWarning {
                section.warn(finding.key, finding.message)
            } else {
                section.report(finding.key, finding.message)
            }
        }
    }
}
