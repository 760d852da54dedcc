// The addresses that this process listens on. An executor's URL must not lead to one of them.

/// The addresses of a configuration's listeners and of its admin listener, for comparison with executors' URLs.
///
/// A request to an executor with such an address would come back to this process again and again.
struct OwnAddresses {
    /// The address of each listener, and its name in messages.
    private let listeners: [(name: String, address: ListenAddress)]
    private let inspection: FileInspection

    init(_ configuration: Configuration, _ inspection: FileInspection) {
        listeners =
            configuration.listeners.map { ("listener \($0.address)", $0.address) }
            + [("admin.address \(configuration.admin.address)", configuration.admin.address)]
        self.inspection = inspection
    }

    /// Returns the name of the listener that a connection to `url` would reach; nil if it would reach none.
    ///
    /// Host names are not resolved; only `localhost` and the name of this machine are recognized.
    func name(of url: ExecutorURL) -> String? { listeners.first { leads(url, to: $0.address) }?.name }

    private func leads(_ url: ExecutorURL, to address: ListenAddress) -> Bool {
        switch address {
        case .unix: url.scheme == .unix && ListenAddress.unix(path: url.socketPath).collides(with: address)
        case .tcp(let host, let port):
            url.scheme != .unix && url.port == port && hosts(url.host).contains { reaches($0, listener: host) }
        }
    }

    /// Returns the host itself if it is an IP address, and the addresses of this machine if the host is a name of this
    /// machine; empty for any other name.
    private func hosts(_ host: String) -> [String] {
        if addressBytes(host) != nil { return [mappedIPv4(host) ?? host] }
        if ["localhost", "localhost.localdomain", "ip6-localhost"].contains(host) { return ["127.0.0.1", "::1"] }
        let isOwn = host == inspection.ownName().lowercased()
        return isOwn ? inspection.ownAddresses() : []
    }

    /// Whether a connection from this machine to `address` reaches a socket that is bound to `listener`.
    private func reaches(_ address: String, listener: String) -> Bool {
        guard let to = addressBytes(address), let bound = addressBytes(listener), to.count == bound.count else {
            return false
        }
        if to == bound { return true }
        // On Linux, a connection to 0.0.0.0 or :: goes to the loopback address.
        if isUnspecified(to) { return bound == Self.loopback(bound.count) }
        guard isUnspecified(bound) else { return false }
        return to == Self.loopback(to.count) || to.count == 4 && to[0] == 127
            || inspection.ownAddresses().contains { addressBytes($0) == to }
    }

    private static func loopback(_ count: Int) -> [UInt8] {
        count == 4 ? [127, 0, 0, 1] : Array(repeating: 0, count: 15) + [1]
    }
}
