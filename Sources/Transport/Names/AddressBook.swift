// Where an executor is: the addresses of its name, which all workers read and the control thread renews.

/// The addresses of one host and port, in the order in which they are to be tried.
package final class AddressBook: Sendable {
    private struct State: Sendable {
        var addresses: [SocketAddress]
    }
    private let state: Lock<State>

    /// A book that never changes.
    package init(_ addresses: [SocketAddress]) { state = Lock(State(addresses: addresses)) }

    package func addresses() -> [SocketAddress] { state.withLock { $0.addresses } }
    package func failed(_ address: SocketAddress) {}
    package func worked(_ address: SocketAddress) {}
}
