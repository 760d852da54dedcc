// Makes the authenticator of each snapshot, and keeps the store of API keys open from one configuration to the next.
internal import Configuration
internal import Routing

/// The open store of API keys, and what all requests without a key have used of their limits.
///
/// Confined to the control thread.
final class AuthenticationSource {
    /// An authenticator that is not in force yet, and the store that it needs.
    struct Prepared {
        let authenticator: Authenticator
        fileprivate let watcher: KeyStoreWatcher?
        /// Whether `prepare` has opened the store for this authenticator, so that `discard` has to close it.
        let isNewStore: Bool
    }

    private var watcher: KeyStoreWatcher?
    private let anonymousUse = KeyUse()

    /// Makes the authenticator of a configuration; uses the open store if the configuration names the same store.
    ///
    /// The caller must call `commit` or `discard` afterwards.
    ///
    /// - Throws: if the secret or the keys cannot be read, or if the secret of existing keys is missing.
    func prepare(_ settings: Configuration.Authentication) throws(StartError) -> Prepared {
        let isSame = if let watcher { try watcher.serves(settings) } else { settings.keysPath == nil }
        let store = isSame ? watcher : try KeyStoreWatcher.open(settings, after: watcher?.keys)
        let authenticator = Authenticator(
            keys: store?.keys,
            isRequired: settings.required,
            anonymousLimits: settings.anonymousLimits,
            anonymousUse: anonymousUse
        )
        return Prepared(authenticator: authenticator, watcher: store, isNewStore: !isSame)
    }

    /// Keeps the store of a prepared authenticator that is put in force, and closes the store that it replaces.
    func commit(_ prepared: Prepared) {
        if prepared.isNewStore { watcher?.stop() }
        watcher = prepared.watcher
    }

    /// Drops a prepared authenticator, and closes the store that was opened for it.
    func discard(_ prepared: Prepared) { if prepared.isNewStore { prepared.watcher?.stop() } }
}
