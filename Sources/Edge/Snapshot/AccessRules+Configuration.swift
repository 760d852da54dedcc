// The rules of a listener about addresses, from its settings.
internal import Configuration
internal import HTTP
internal import Transport

extension AccessRules {
    /// - Parameter isSecure: whether the listener has TLS; without it, some paths are served to clients that `allow`
    ///   and `trusted_only` refuse.
    init(_ settings: ListenerAccess, isSecure: Bool) {
        self.init()
        source = settings.source
        trustedPeers = settings.trustedPeers.map { TrustedPeers($0.set, path: settings.trustedPeersPath) }
        trustedOnly = settings.trustedOnly
        allow = settings.allow.map { AddressSet($0) }
        deny = AddressSet(settings.deny)
        hasExemptPaths = !isSecure
    }
}
