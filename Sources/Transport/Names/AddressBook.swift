// The addresses of one host and port, as last resolved. Read by all workers, written by the control thread.

/// Where an executor is.
///
/// Books of IP addresses and unix sockets are full from the start and never change; those of names are filled by a
/// `NameResolver`, and empty until it has found something.
package final class AddressBook: Sendable {
    /// How many addresses of a name are kept; further ones are dropped.
    package static let addressesMax = 32

    private struct Page {
        var addresses: [SocketAddress]
        /// The one to begin with.
        var first = 0
        /// It is the first because of what a connection met, and not because the resolver named it first.
        var isChosen = false
    }

    /// The name to resolve; nil when there is none: then the addresses never change.
    package let name: String?
    package let port: UInt16
    private let page: Lock<Page>

    /// One address that stays.
    package init(_ address: SocketAddress) {
        name = nil
        port = address.port
        page = Lock(Page(addresses: [address]))
    }

    /// A host: an IP address (IPv6 without brackets) stays as it is, a name is empty until it is resolved.
    package init(host: String, port: UInt16) {
        let address = SocketAddress(numeric: host, port: port)
        name = address == nil ? host : nil
        self.port = port
        page = Lock(Page(addresses: address.map { [$0] } ?? []))
    }

    /// The addresses in the order in which a connection should try them; empty when none is known.
    ///
    /// The resolver's order (RFC 6724), but beginning with the one that worked last, or after the one that failed last.
    package func addresses() -> [SocketAddress] {
        page.withLock { page in
            guard page.first > 0 else { return page.addresses }
            return Array(page.addresses[page.first...] + page.addresses[..<page.first])
        }
    }

    /// A connection to this address came about: the next one begins with it.
    package func worked(_ address: SocketAddress) {
        page.withLock { page in
            guard page.addresses.count > 1, let place = page.addresses.firstIndex(of: address) else { return }
            page.first = place
            page.isChosen = true
        }
    }

    /// No connection to this address came about: the next one begins with the address after it.
    ///
    /// Several that fail at the same time move the turn once.
    package func failed(_ address: SocketAddress) {
        page.withLock { page in
            guard page.addresses.count > 1, page.addresses[page.first] == address else { return }
            page.first = (page.first + 1) % page.addresses.count
            page.isChosen = true
        }
    }

    /// The name's addresses, found anew.
    ///
    /// The one that worked last, or comes after the one that failed last, stays the first if it is among them.
    ///
    /// - Returns: whether they are others than before; a new order alone does not count.
    @discardableResult
    package func replace(with found: [SocketAddress]) -> Bool {
        let found = Array(found.prefix(Self.addressesMax))
        return page.withLock { page in
            let old = page.addresses
            let place = page.isChosen ? found.firstIndex(of: old[page.first]) : nil
            page = Page(addresses: found, first: place ?? 0, isChosen: place != nil)
            return old.count != found.count || !old.allSatisfy { found.contains($0) }
        }
    }
}
