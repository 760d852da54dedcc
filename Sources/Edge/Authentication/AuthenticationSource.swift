// Makes the authenticator of each snapshot, and keeps the store of API keys open from one configuration to the next.
internal import Configuration
internal import Routing
internal import Transport

/// The open store of API keys, and what all requests without a key together have used of the limits that apply to them.
///
/// Confined to the control thread.
final class AuthenticationSource {
    /// An authenticator that is not in force yet, and the store that it needs.
    struct Prepared {
        let authenticator: Authenticator
        fileprivate let watcher: KeyStoreWatcher?
        /// Whether `watcher` replaces the store that is open now; `watcher` is nil if the configuration names no store.
        ///
        /// If so, `commit` closes the replaced store, and `discard` closes `watcher`.
        let isNewStore: Bool
    }

    private var watcher: KeyStoreWatcher?
    private let anonymousUse = KeyUse()
    /// Where this process publishes how many exchanges each key has under way; nil while it shares the counts with no
    /// other process.
    private var counts: SharedCounts?

    /// Makes the authenticator of a configuration; uses the open store if the configuration names the same store.
    ///
    /// The caller must call `commit` or `discard` afterwards.
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

    /// Keeps the store of an authenticator that is put in force; closes the earlier store if the authenticator has a
    /// new one.
    func commit(_ prepared: Prepared) {
        if prepared.isNewStore { watcher?.stop() }
        watcher = prepared.watcher
    }

    /// Drops a prepared authenticator, and closes the store if it was opened for this authenticator.
    func discard(_ prepared: Prepared) {
        guard prepared.isNewStore else { return }
        prepared.watcher?.stop()
        // `prepare` has published the counts of the keys' exchanges under the ids that the keys have in the dropped
        // store. The same keys may have other ids in the store in force, so the counts are published again under these
        // ids.
        watcher?.keys.share(in: counts)
    }

    /// Publishes in `counts`, from now on, how many exchanges each key and all callers without a key have under way; if
    /// `counts` is nil, publishes nothing any more.
    func share(in counts: SharedCounts?) {
        self.counts = counts
        watcher?.keys.share(in: counts)
        anonymousUse.share(in: counts, as: "anonymous")
    }
}
