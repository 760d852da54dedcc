// Where the process itself listens: an executor there would be a circle.

/// The listeners of a configuration and its admin listener, to compare executors' URLs with.
struct OwnAddresses {
    /// How a message names each.
    private let places: [(name: String, address: ListenAddress)]
    private let inspection: FileInspection

    init(_ configuration: Configuration, _ inspection: FileInspection) {
        places =
            configuration.listeners.map { ("listener \($0.address)", $0.address) }
            + [("admin.address \(configuration.admin.address)", configuration.admin.address)]
        self.inspection = inspection
    }

    /// The name of the listener that whoever connects to `url` reaches; nil where it is none that is known.
    ///
    /// Of names only those of this machine itself are looked at, since nothing is resolved here.
    func name(of url: ExecutorURL) -> String? { places.first { leads(url, to: $0.address) }?.name }

    private func leads(_ url: ExecutorURL, to address: ListenAddress) -> Bool {
        switch address {
        case .unix: url.scheme == .unix && ListenAddress.unix(path: url.socketPath).collides(with: address)
        case .tcp(let host, let port):
            url.scheme != .unix && url.port == port && hosts(url.host).contains { reaches($0, listener: host) }
        }
    }

    /// The addresses that a host means on this machine.
    private func hosts(_ host: String) -> [String] {
        if addressBytes(host) != nil { return [mappedIPv4(host) ?? host] }
        if ["localhost", "localhost.localdomain", "ip6-localhost"].contains(host) { return ["127.0.0.1", "::1"] }
        let isOwn = host == inspection.ownName().lowercased()
        return isOwn ? inspection.ownAddresses() : []
    }

    /// Whether a connection to this address of this machine, or of another one, comes to a socket bound to `listener`.
    private func reaches(_ address: String, listener: String) -> Bool {
        guard let to = addressBytes(address), let bound = addressBytes(listener), to.count == bound.count else {
            return false
        }
        if to == bound { return true }
        // Linux connects the address for all to the loopback address.
        if isUnspecified(to) { return bound == Self.loopback(bound.count) }
        guard isUnspecified(bound) else { return false }
        return to == Self.loopback(to.count) || to.count == 4 && to[0] == 127
            || inspection.ownAddresses().contains { addressBytes($0) == to }
    }

    private static func loopback(_ count: Int) -> [UInt8] {
        count == 4 ? [127, 0, 0, 1] : Array(repeating: 0, count: 15) + [1]
    }
}
