// The listening sockets of the process: the sockets of the listeners for clients, and the socket of the admin listener.
internal import Configuration
internal import Transport

/// The listening sockets of one configuration.
///
/// Copies share the sockets. A socket stays open until `close`, or until `closeRemoved` of a configuration that no
/// longer has its listener.
struct ServerSockets {
    /// The sockets for clients, by listener: one socket for each worker, or one socket that all workers share.
    private(set) var clients: [ListenerKey: ListenerSet] = [:]
    /// The socket of the admin listener.
    private(set) var admin: ListenerSet
    private let adminAddress: ListenAddress
    /// The sockets that systemd has opened, by the listeners that used them at the start.
    ///
    /// A socket stays open when a reload removes its listener, because a later reload may need the socket again.
    private var inherited: [ListenerKey: ListenerSet] = [:]

    /// Binds every listener of a snapshot, or takes the socket that systemd has opened for it.
    ///
    /// - Parameter environment: the environment of the process, which names the inherited sockets (sd_listen_fds(3)).
    /// - Throws: `StartError` if an address cannot be bound, or if an inherited socket belongs to no listener; then
    ///   everything that was opened is closed again.
    init(_ snapshot: Snapshot, environment: [String: String]) throws(StartError) {
        let inherited = ListenerSet.inherited(from: environment)
        var addresses: [SocketAddress] = []
        for plan in snapshot.listeners { addresses.append(try Self.address(of: plan.address)) }
        let unclaimed = ListenerSet.unclaimed(inherited, addresses: addresses)
        guard unclaimed.isEmpty else {
            let names = unclaimed.joined(separator: ", ")
            throw StartError(description: "no listener of the configuration has the inherited socket \(names)")
        }
        adminAddress = snapshot.process.admin.address
        admin = try Self.openAdmin(snapshot.process.admin)
        do throws(StartError) {
            for plan in snapshot.listeners {
                clients[plan.key] = try Self.open(plan, workers: snapshot.process.workers, inherited: inherited)
            }
        } catch {
            close()
            throw error
        }
        self.inherited = clients.filter { $0.value.isInherited[0] }
    }

    /// Returns the sockets for a later configuration: the sockets that are open already, and new sockets for added
    /// listeners.
    ///
    /// - Throws: `StartError` if an address cannot be bound; then all sockets that this call opened are closed again.
    func opening(_ plans: [ListenerPlan], _ settings: ProcessSettings) throws(StartError) -> ServerSockets {
        var new = try ServerSockets(self, admin: settings.admin)
        do throws(StartError) {
            for plan in plans {
                if let open = clients[plan.key] ?? inherited[plan.key] {
                    new.clients[plan.key] = open
                } else {
                    let meetsOwn = meets(plan.address)
                    new.clients[plan.key] = try Self.open(plan, workers: settings.workers, besideOwn: meetsOwn)
                }
            }
        } catch {
            new.closeAdded(to: self)
            throw error
        }
        return new
    }

    private init(_ old: ServerSockets, admin settings: Configuration.Admin) throws(StartError) {
        adminAddress = settings.address
        inherited = old.inherited
        let isSame = settings.address == old.adminAddress
        admin = isSame ? old.admin : try Self.openAdmin(settings, besideOwn: old.meets(settings.address))
    }

    /// Whether an open socket has this address, or an address that conflicts with it.
    private func meets(_ address: ListenAddress) -> Bool {
        adminAddress.collides(with: address) || clients.keys.contains { $0.address.collides(with: address) }
    }

    // MARK: Closing

    /// Closes all sockets.
    func close() {
        for set in clients.values { set.close() }
        admin.close()
    }

    /// Closes the sockets of this configuration that `old` does not have, except those that systemd has opened.
    func closeAdded(to old: ServerSockets) {
        for (key, set) in clients where old.clients[key] == nil && inherited[key] == nil { set.close() }
        if adminAddress != old.adminAddress { admin.close() }
    }

    /// Closes the sockets that the earlier configuration `old` has and this configuration does not have.
    func closeRemoved(from old: ServerSockets) { old.closeAdded(to: self) }

    // MARK: Opening

    private static func open(
        _ plan: ListenerPlan,
        workers: Int,
        inherited: [Socket] = [],
        besideOwn: Bool = false
    ) throws(StartError) -> ListenerSet {
        let address = try address(of: plan.address)
        do throws(ListenerSet.Failure) {
            return try ListenerSet(
                addresses: [address],
                workers: workers,
                inherited: inherited,
                access: [plan.socketAccess],
                besideOwn: besideOwn
            )
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    private static func openAdmin(
        _ settings: Configuration.Admin,
        besideOwn: Bool = false
    ) throws(StartError) -> ListenerSet {
        let address = try address(of: settings.address)
        do throws(ListenerSet.Failure) {
            return try ListenerSet(
                addresses: [address],
                workers: 1,
                access: [settings.socketAccess],
                besideOwn: besideOwn
            )
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
