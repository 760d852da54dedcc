// The listening sockets of the process: those for clients by their listeners, and the admin listener's.
internal import Configuration
internal import Transport

/// The listening sockets of one configuration.
///
/// A copy has the same sockets. They stay open until `close`, or until the sockets of a later configuration, which lack
/// some of these, are asked by `closeRemoved` to close those.
struct ServerSockets {
    /// For clients, by listener: one socket for each worker, or one that the workers share.
    private(set) var clients: [ListenerKey: ListenerSet] = [:]
    /// The one socket of the admin listener.
    private(set) var admin: ListenerSet
    private let adminAddress: ListenAddress
    /// The sockets that systemd has opened, by the listeners that they were taken for at the start.
    ///
    /// They stay open where a reload removes their listener: systemd holds them too, and a later reload may need them.
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

    /// The sockets of a later configuration: those that are open already, and new ones for what it adds.
    ///
    /// - Throws: `StartError` where an address cannot be bound; then everything that was opened is closed again.
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

    /// Whether one of these sockets has an address that meets this one.
    private func meets(_ address: ListenAddress) -> Bool {
        adminAddress.collides(with: address) || clients.keys.contains { $0.address.collides(with: address) }
    }

    // MARK: Closing

    /// Closes all sockets.
    func close() {
        for set in clients.values { set.close() }
        admin.close()
    }

    /// Closes the sockets that earlier ones do not have.
    func closeAdded(to old: ServerSockets) {
        for (key, set) in clients where old.clients[key] == nil && inherited[key] == nil { set.close() }
        if adminAddress != old.adminAddress { admin.close() }
    }

    /// Closes the sockets that these earlier ones have and this set has no more.
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
