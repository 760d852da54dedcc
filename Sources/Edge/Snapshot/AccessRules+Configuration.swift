// Makes the rules that decide, by the addresses of clients, which clients a listener serves.
internal import Configuration
internal import HTTP
internal import Transport

extension AccessRules {
    /// - Parameter isSecure: whether the listener has TLS. A listener without TLS serves health checks and ACME
    ///   challenges even to clients that `allow` or `trusted_only` refuses.
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
