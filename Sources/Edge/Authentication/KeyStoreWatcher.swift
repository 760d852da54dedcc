// The thread that reads the store of API keys again and again, and publishes changes to all workers.
package import Configuration
internal import Glibc
internal import Routing
internal import Transport

/// Starts the thread; it needs no other call.
package enum KeyStoreWatcher {
    /// The pause between two readings, in microseconds: a change is in force within a second.
    private static let interval: useconds_t = 250_000

    /// Reads the keys of a configuration, and starts the thread that watches them; called once, at the start.
    ///
    /// A secret is made if there is none yet. Without configured keys no thread is started.
    ///
    /// - Throws: if the secret or the keys cannot be read, or if the secret of existing keys is missing.
    package static func open(_ settings: Configuration.Authentication) throws(StartError) -> Authenticator {
        guard let path = settings.keysPath, let secretPath = settings.secretPath else {
            return Authenticator(isRequired: settings.required, anonymousLimits: settings.anonymousLimits)
        }
        // A new secret would make all existing keys unknown, and would take the place of the missing one.
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
        var source = KeyStoreReader(path: path)
        let access = Authenticator(
            hash: hash,
            isRequired: settings.required,
            anonymousLimits: settings.anonymousLimits
        )
        do throws(KeyStoreError) { access.publish(try source.changes() ?? []) } catch {
            throw StartError(description: "\(error)")
        }
        watch(path, from: source, for: access)
        return access
    }

    /// Starts the thread, which runs until the process ends.
    ///
    /// While the store cannot be read the last keys stay in force, so that a fault in a file does not stop traffic. The
    /// operator is warned once for each such fault.
    private static func watch(_ path: String, from source: KeyStoreReader, for access: Authenticator) {
        let start = source
        _ = Thread(name: "keys") {
            var source = start
            var problem: KeyStoreError?
            while true {
                usleep(interval)
                do throws(KeyStoreError) {
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
