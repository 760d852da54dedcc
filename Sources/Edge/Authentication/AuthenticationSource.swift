// Makes the authenticator of each snapshot; keeps the store of keys open from one configuration to the next.
internal import Configuration
internal import Routing

/// The store of keys in force, and what requests without a key have used; confined to the control thread.
final class AuthenticationSource {
    /// An authenticator that is not in force yet, and the store that it needs.
    struct Prepared {
        let authenticator: Authenticator
        fileprivate let watcher: KeyStoreWatcher?
        /// Whether the store was opened for it.
        let isNewStore: Bool
    }

    private var watcher: KeyStoreWatcher?
    private let anonymousUse = KeyUse()

    /// Makes the authenticator of a configuration; a store that is open already stays open.
    ///
    /// `commit` or `discard` must follow.
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

    /// Puts a prepared authenticator in force.
    func commit(_ prepared: Prepared) {
        if prepared.isNewStore { watcher?.stop() }
        watcher = prepared.watcher
    }

    /// Closes a store that was opened for nothing.
    func discard(_ prepared: Prepared) { if prepared.isNewStore { prepared.watcher?.stop() } }
}
