// The listening sockets of the process, opened before any thread starts: those for clients and the admin listener's.
internal import Configuration
internal import Transport

/// The listening sockets of the process.
///
/// The sockets of each set stay open until that set is closed.
struct ServerSockets {
    /// The sockets for clients: one for each listener and worker, or one for each listener that the workers share.
    let clients: ListenerSet
    /// The one socket of the admin listener.
    let admin: ListenerSet

    /// Binds every listener of a snapshot, or takes the socket that systemd has opened for it.
    ///
    /// - Parameter environment: the environment of the process, which names the inherited sockets (sd_listen_fds(3)).
    /// - Throws: `StartError` if an address cannot be bound, or if an inherited socket belongs to no listener; then
    ///   everything that was opened is closed again.
    init(_ snapshot: Snapshot, environment: [String: String]) throws(StartError) {
        clients = try Self.openClients(snapshot, environment: environment)
        do throws(StartError) {
            admin = try Self.openAdmin(snapshot.process.admin)
        } catch {
            clients.close()
            throw error
        }
    }

    private static func openClients(
        _ snapshot: Snapshot,
        environment: [String: String]
    ) throws(StartError) -> ListenerSet {
        var addresses: [SocketAddress] = []
        for listener in snapshot.listeners { addresses.append(try address(of: listener.address)) }
        let inherited = ListenerSet.inherited(from: environment)
        let unclaimed = ListenerSet.unclaimed(inherited, addresses: addresses)
        guard unclaimed.isEmpty else {
            let names = unclaimed.joined(separator: ", ")
            throw StartError(description: "no listener of the configuration has the inherited socket \(names)")
        }
        do throws(ListenerSet.Failure) {
            return try ListenerSet(
                addresses: addresses,
                workers: snapshot.process.workers,
                inherited: inherited,
                access: snapshot.listeners.map(\.socketAccess)
            )
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private static func openAdmin(_ settings: Configuration.Admin) throws(StartError) -> ListenerSet {
        let address = try address(of: settings.address)
        do throws(ListenerSet.Failure) {
            return try ListenerSet(addresses: [address], workers: 1, access: [settings.socketAccess])
        } catch {
            throw StartError(description: "admin.address: \(error)")
        }
    }

    private static func address(of configured: ListenAddress) throws(StartError) -> SocketAddress {
        guard let address = SocketAddress(configured) else {
            throw StartError(description: "cannot listen on \(configured)")
        }
        return address
    }
}
