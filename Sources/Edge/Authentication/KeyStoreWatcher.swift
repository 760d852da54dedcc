// The thread that reads the file of API keys at intervals, and publishes changes to all workers.
internal import Configuration
internal import Glibc
internal import Routing
internal import Synchronization
internal import Transport

/// An open file of API keys, a database or a YAML file, and the thread that watches the file for changes.
///
/// The control thread opens the file that a configuration names, and closes it when a later configuration names
/// another file.
final class KeyStoreWatcher: Sendable {
    /// The pause between two checks whether the file has changed, in microseconds.
    ///
    /// The pause is short, so that a change is in force within a second.
    private static let interval: useconds_t = 250_000

    /// The keys in the file, which the thread keeps up to date.
    let keys: KeyTable
    private let path: String
    private let secretPath: String
    private let isStopped = Atomic<Bool>(false)

    /// Reads the keys in the file that a configuration names, and starts the thread that watches the file for changes.
    ///
    /// If there are no keys and no secret for hashing keys, the function makes a secret.
    ///
    /// - Parameter previous: the table of keys that the new table replaces; nil if there is none.
    /// - Returns: nil if no keys are configured.
    /// - Throws: if the keys or the secret cannot be read, or if there are keys but no secret.
    static func open(
        _ settings: Configuration.Authentication,
        after previous: KeyTable? = nil
    ) throws(StartError) -> KeyStoreWatcher? {
        guard let path = settings.keysPath, let secretPath = settings.secretPath else { return nil }
        let watcher = KeyStoreWatcher(
            path: path,
            secretPath: secretPath,
            keys: KeyTable(hash: try hash(path, secretPath), after: previous)
        )
        var source = KeyStoreReader(path: path)
        do throws(KeyStoreError) {
            watcher.keys.publish(try source.changes() ?? [], at: Clock.monotonicNow())
        } catch {
            throw StartError(description: "\(error)")
        }
        watcher.watch(source)
        return watcher
    }

    private init(path: String, secretPath: String, keys: KeyTable) {
        self.path = path
        self.secretPath = secretPath
        self.keys = keys
    }

    /// Returns the keyed hash function (HMAC) that hashes API keys with the secret of a file of keys.
    ///
    /// If there is neither a secret nor a key, the function makes a secret.
    private static func hash(_ path: String, _ secretPath: String) throws(StartError) -> HMACSHA256 {
        // With a new secret, all existing keys would be unknown. So no secret is made while there are keys.
        let lost = KeySecret.keysLost(secretPath, keys: path)
        guard lost == 0 else {
            throw StartError(description: "authentication.secret: \(KeySecret.lostReason(secretPath, keys: lost))")
        }
        switch KeySecret.loadOrMake(secretPath) {
        case .success(let made): return made
        case .failure(let problem):
            throw StartError(description: "the secret of the keys, \(secretPath): \(problem)")
        }
    }

    /// Whether a configuration names this watcher's two files, and the secret is still the same.
    ///
    /// The files are the file of keys, and the file of the secret that hashes them.
    ///
    /// - Throws: if the secret cannot be read, or if there are keys but no secret.
    func serves(_ settings: Configuration.Authentication) throws(StartError) -> Bool {
        guard path == settings.keysPath, secretPath == settings.secretPath else { return false }
        return try Self.hash(path, secretPath) == keys.hash
    }

    /// Makes the thread end before its next read.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Starts the thread that reads the file of keys at intervals.
    ///
    /// While the file cannot be read, the keys that were read last stay in force, so that a fault in the file does not
    /// stop traffic. The operator is warned once for each fault.
    private func watch(_ source: KeyStoreReader) {
        let start = source
        let thread = Thread(name: "keys") { [self] in
            var source = start
            var problem: KeyStoreError?
            while true {
                usleep(Self.interval)
                guard !isStopped.load(ordering: .relaxed) else { return }
                do throws(KeyStoreError) {
                    if let changed = try source.changes() { keys.publish(changed, at: Clock.monotonicNow()) }
                    if problem != nil { OperatorLog.say("the keys in \(path) can be read again") }
                    problem = nil
                } catch {
                    if error != problem { OperatorLog.warn("the last keys stay in force: \(error)") }
                    problem = error
                }
            }
        }
        thread.detach()
    }
}
