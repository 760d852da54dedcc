// The thread that looks at the keys, and hands the workers what has changed: they never wait for a file.
package import Configuration
internal import Glibc
internal import Routing
internal import Transport

package enum KeyWatch {
    /// How long a change may go unseen: changes are in force within a second.
    private static let interval: useconds_t = 250_000

    /// What a configuration says of keys, with the keys that are in force now.
    ///
    /// - Throws: where the secret or the keys cannot be read.
    package static func open(_ settings: Configuration.Authentication) throws(StartError) -> KeyAccess {
        guard let path = settings.keysPath, let secretPath = settings.secretPath else {
            return KeyAccess(isRequired: settings.required, anonymousLimits: settings.anonymousLimits)
        }
        // Under a new secret all keys would be unknown, also once the old one is back.
        let lost = KeySecret.keysLost(secretPath, keys: path)
        guard lost == 0 else {
            throw StartError(description: "authentication.secret: \(KeySecret.lostReason(secretPath, keys: lost))")
        }
        let hash: HMACSHA256
        switch KeySecret.loadOrMake(secretPath) {
        case .success(let made): hash = made
        case .failure(let problem):
            throw StartError(description: "the secret of the keys, \(secretPath): \(problem)")
        }
        var source = KeySource(path: path)
        let access = KeyAccess(
            hash: hash,
            isRequired: settings.required,
            anonymousLimits: settings.anonymousLimits
        )
        do throws(KeySourceError) { access.publish(try source.changes() ?? []) } catch {
            throw StartError(description: "\(error)")
        }
        watch(path, from: source, for: access)
        return access
    }

    /// Starts the thread.
    ///
    /// It lives as long as the process: there is nothing to end in order. While the keys cannot be read the last ones
    /// stay in force, so that no fault of a file stops traffic; that is said once.
    private static func watch(_ path: String, from source: KeySource, for access: KeyAccess) {
        let start = source
        _ = Thread(name: "keys") {
            var source = start
            var problem: KeySourceError?
            while true {
                usleep(interval)
                do throws(KeySourceError) {
                    let keys = try source.changes()
                    if let keys { access.publish(keys) }
                    if problem != nil { OperatorLog.say("the keys in \(path) can be read again") }
                    problem = nil
                } catch {
                    if error != problem { OperatorLog.warn("the last keys stay in force: \(error)") }
                    problem = error
                }
            }
        }
    }
}
