// Checks the API keys and the secret for their hashes, for `freeinference check`; changes no file.
package import Configuration
internal import Routing

/// Checks the store of API keys, and the file of the secret with which the keys are hashed.
package enum KeyStoreCheck {
    /// Returns what is wrong with the key store at `path` and with the secret at `secretPath`.
    ///
    /// `FileInspection.keys` refers to this function, so that the check of a configuration includes the keys.
    package static func findings(path: String, secretPath: String) -> KeyFindings {
        var found = KeyFindings()
        let keys = keys(in: path, &found)
        guard KeySecret.exists(secretPath) else {
            if keys.isEmpty {
                found.add("secret", "\(secretPath) is not there: a secret will be made", isWarning: true)
            } else {
                found.add("secret", KeySecret.lostReason(secretPath, keys: keys.count))
            }
            return found
        }
        if case .failure(let problem) = KeySecret.load(secretPath) { found.add("secret", "\(secretPath): \(problem)") }
        if KeySecret.isShared(secretPath) {
            let message = "others than its owner may read \(secretPath): its mode should be 0600"
            found.add("secret", message, isWarning: true)
        }
        return found
    }

    /// Returns the keys in the store at `path` that are not revoked.
    ///
    /// If the store cannot be read, the result is empty, and the reason is added to `found`.
    private static func keys(in path: String, _ found: inout KeyFindings) -> [AccessKey] {
        if KeyStoreKind(path: path) == .yaml, case .success(let bytes) = SystemFiles.read(path) {
            switch KeyFile.parse(bytes, path: path) {
            case .success(let keys): return keys
            case .failure(let errors):
                found.problems += errors.problems
                return []
            }
        }
        do throws(KeyStoreError) { return try KeyStoreReader.load(path: path) } catch {
            for problem in error.problems { found.add("keys", problem) }
            return []
        }
    }
}
