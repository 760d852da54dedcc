// The current addresses of one host and port. All threads read the addresses, and the control thread replaces them.

/// The addresses of one host and port, in the order in which connections try them.
///
/// For an IP address or a unix socket, the book has one address that never changes. For a host name, a `NameResolver`
/// fills the book, which is empty until the resolver has found an address.
package final class AddressBook: Sendable {
    /// The maximum number of addresses of a name; further addresses of an answer are dropped.
    package static let addressesMax = 32

    private struct Page {
        var addresses: [SocketAddress]
        /// The index in `addresses` of the address to try first.
        var first = 0
        /// Whether `first` was set after a connection succeeded or failed; if false, `first` is 0.
        var isChosen = false
    }

    /// The host name that a resolver looks up; nil if the address is an IP address or a unix socket, which need no
    /// resolver.
    package let name: String?
    package let port: UInt16
    private let page: Lock<Page>

    /// Makes an address book with one address that never changes.
    package init(_ address: SocketAddress) {
        name = nil
        port = address.port
        page = Lock(Page(addresses: [address]))
    }

    /// Makes an address book: with the address if `host` is an IP address (IPv6 without brackets), otherwise empty
    /// until the name is resolved.
    package init(host: String, port: UInt16) {
        let address = SocketAddress(numeric: host, port: port)
        name = address == nil ? host : nil
        self.port = port
        page = Lock(Page(addresses: address.map { [$0] } ?? []))
    }

    /// The addresses in the order in which a connection should try them; empty while the name is not resolved.
    ///
    /// The order is that of the resolver (RFC 6724), rotated. The address to which a connection succeeded most recently
    /// comes first. After a failure, the address that follows the failed address comes first.
    package func addresses() -> [SocketAddress] {
        page.withLock { page in
            guard page.first > 0 else { return page.addresses }
            return Array(page.addresses[page.first...] + page.addresses[..<page.first])
        }
    }

    /// Records that a connection to this address was established, so that the next connection tries this address first.
    package func worked(_ address: SocketAddress) {
        page.withLock { page in
            guard page.addresses.count > 1, let index = page.addresses.firstIndex(of: address) else { return }
            page.first = index
            page.isChosen = true
        }
    }

    /// Records that a connection to this address failed, so that the next connection tries the following address first.
    ///
    /// If several connections to one address fail at the same time, only the first failure has an effect.
    package func failed(_ address: SocketAddress) {
        page.withLock { page in
            guard page.addresses.count > 1, page.addresses[page.first] == address else { return }
            page.first = (page.first + 1) % page.addresses.count
            page.isChosen = true
        }
    }

    /// Replaces the addresses with those of a name server's new answer.
    ///
    /// An address that a success or a failure of a connection has put first stays first if the new answer contains it.
    ///
    /// - Returns: whether the set of addresses has changed; a new order alone does not count.
    @discardableResult
    package func replace(with found: [SocketAddress]) -> Bool {
        let found = Array(found.prefix(Self.addressesMax))
        return page.withLock { page in
            let old = page.addresses
            let index = page.isChosen ? found.firstIndex(of: old[page.first]) : nil
            page = Page(addresses: found, first: index ?? 0, isChosen: index != nil)
            return old.count != found.count || !old.allSatisfy { found.contains($0) }
        }
    }
}
