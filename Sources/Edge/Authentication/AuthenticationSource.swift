// Makes an authenticator for each new configuration, and keeps the file of API keys open across configurations.
internal import Configuration
internal import Routing
internal import Transport

/// The open file of API keys, and the counts of the requests without a key.
///
/// All requests without a key share the same limits, so they are counted together. Confined to the control thread.
final class AuthenticationSource {
    /// An authenticator that is not in force yet, and the open file from which it gets its keys.
    struct Prepared {
        let authenticator: Authenticator
        fileprivate let watcher: KeyStoreWatcher?
        /// Whether the configuration names another file of keys than before, another secret, or no file any more.
        ///
        /// If true, `commit` closes the file that was in force before, and `discard` closes the file of `watcher`. If
        /// false, `watcher` is the one that is already in force.
        let isNewStore: Bool
    }

    private var watcher: KeyStoreWatcher?
    private let anonymousUse = KeyUse()
    /// The table that this process shares with the other processes of an upgrade; nil if no table is shared.
    ///
    /// In the table, this process publishes how many exchanges each key has under way.
    private var counts: SharedCounts?

    /// Makes the authenticator of a configuration.
    ///
    /// The open file of keys is reused if the configuration names the same file and the same secret.
    ///
    /// The caller must call `commit` once the authenticator is in force, or `discard` if it is not needed.
    ///
    /// - Throws: if the file of keys or the secret with which they are hashed cannot be read, or if there are keys but
    ///   no secret.
    func prepare(_ settings: Configuration.Authentication) throws(StartError) -> Prepared {
        let isSame = if let watcher { try watcher.serves(settings) } else { settings.keysPath == nil }
        let store = isSame ? watcher : try KeyStoreWatcher.open(settings, after: watcher?.keys)
        if !isSame { store?.keys.share(in: counts) }
        let authenticator = Authenticator(
            keys: store?.keys,
            isRequired: settings.required,
            anonymousLimits: settings.anonymousLimits,
            anonymousPriority: settings.anonymousPriority,
            anonymousUse: anonymousUse
        )
        return Prepared(authenticator: authenticator, watcher: store, isNewStore: !isSame)
    }

    /// Keeps the file of keys of an authenticator that is now in force; closes the earlier file if it was not reused.
    func commit(_ prepared: Prepared) {
        if prepared.isNewStore { watcher?.stop() }
        watcher = prepared.watcher
    }

    /// Drops a prepared authenticator, and closes its file of keys if `prepare` has opened it.
    func discard(_ prepared: Prepared) {
        guard prepared.isNewStore else { return }
        prepared.watcher?.stop()
        // `prepare` has published each key's number of exchanges under the id that the key has in the new file, which
        // is dropped here. In the file in force, the key may have another id, so its number is published again under
        // that id.
        watcher?.keys.share(in: counts)
    }

    /// Publishes in `counts`, from now on, how many exchanges each key has under way.
    ///
    /// All callers without a key count as one key. If `counts` is nil, nothing is published any more.
    func share(in counts: SharedCounts?) {
        self.counts = counts
        watcher?.keys.share(in: counts)
        anonymousUse.share(in: counts, as: "anonymous")
    }
}
