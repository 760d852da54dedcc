// The listening sockets of the process: the sockets of the listeners for clients, and the socket of the admin listener.
internal import Configuration
internal import Transport

/// The listening sockets of one configuration.
///
/// Copies share the sockets. `close` closes them. After a reload, `closeRemoved` closes the sockets of listeners that
/// the new configuration does not have, except sockets that systemd has opened.
struct ServerSockets {
    /// The sockets for clients, by listener: one socket for each worker, or one socket that all workers share.
    private(set) var clients: [ListenerKey: ListenerSet] = [:]
    /// The socket of the admin listener.
    private(set) var admin: ListenerSet
    private let adminAddress: ListenAddress
    /// The sockets that systemd has opened; the dictionary key of each is the listener that used it at the start.
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

    /// Takes over the sockets that the main process hands over, and binds new sockets for all other listeners.
    ///
    /// If the new configuration has no listener for a socket, this process closes its descriptor. The main process
    /// still has the socket, and accepts the connections in its backlog.
    ///
    /// - Throws: `StartError` if an address cannot be bound; then everything that was opened is closed again.
    init(_ snapshot: Snapshot, from inheritance: Inheritance) throws(StartError) {
        let handed = inheritance.handover
        let addresses = (handed.listeners + [handed.admin]).compactMap { ListenAddress(handed: $0.address) }
        func meets(_ address: ListenAddress) -> Bool { addresses.contains { $0.collides(with: address) } }
        adminAddress = snapshot.process.admin.address
        if handed.admin.address == "\(adminAddress)" {
            admin = try Self.adopt(handed.admin, on: adminAddress)
        } else {
            admin = try Self.openAdmin(snapshot.process.admin, besideOwn: meets(adminAddress))
        }
        do throws(StartError) {
            for plan in snapshot.listeners {
                if let sockets = inheritance.sockets(for: plan.key) {
                    clients[plan.key] = try Self.adopt(sockets, on: plan.address)
                } else {
                    let besideOwn = meets(plan.address)
                    clients[plan.key] = try Self.open(plan, workers: snapshot.process.workers, besideOwn: besideOwn)
                }
            }
            for sockets in handed.listeners where sockets.isInherited {
                guard let address = ListenAddress(handed: sockets.address) else { continue }
                let key = ListenerKey(address: address, number: sockets.number)
                if let open = clients[key] {
                    inherited[key] = open
                } else {
                    inherited[key] = try Self.adopt(sockets, on: address)
                }
            }
        } catch {
            close()
            throw error
        }
        let kept = descriptors
        for socket in (handed.listeners + [handed.admin]).flatMap(\.sockets) where !kept.contains(socket.descriptor) {
            socket.close()
        }
    }

    private static func adopt(
        _ handed: Handover.ListenerSockets,
        on address: ListenAddress
    ) throws(StartError) -> ListenerSet {
        let address = try Self.address(of: address)
        do throws(ListenerSet.Failure) {
            return try ListenerSet(adopting: handed.sockets, on: address, isInherited: handed.isInherited)
        } catch {
            throw StartError(description: "\(error)")
        }
    }

    // MARK: Handing over

    /// The open sockets, to be handed over to a successor.
    var handed: (listeners: [Handover.ListenerSockets], admin: Handover.ListenerSockets) {
        let all = clients.merging(inherited) { client, _ in client }
        let listeners = all.map { key, set in
            Handover.ListenerSockets(
                address: "\(key.address)",
                number: key.number,
                descriptors: set.descriptors,
                isInherited: set.isInherited[0]
            )
        }
        return (listeners, Handover.ListenerSockets(address: "\(adminAddress)", descriptors: admin.descriptors))
    }

    /// The descriptors of all sockets.
    var descriptors: Set<CInt> {
        let sets = Array(clients.values) + Array(inherited.values) + [admin]
        return Set(sets.flatMap(\.descriptors))
    }

    /// Makes this process responsible for the files of unix sockets that it has taken over: `close` then removes them.
    mutating func own() {
        for key in clients.keys { clients[key]?.own() }
        admin.own()
    }

    /// Makes `close` keep the files of the unix sockets with these descriptors, because a successor uses the sockets.
    mutating func disown(_ taken: Set<CInt>) {
        for (key, set) in clients where taken.isSuperset(of: set.descriptors) { clients[key]?.disown() }
        if taken.isSuperset(of: admin.descriptors) { admin.disown() }
    }

    /// Returns the sockets of a later configuration, whose listeners are `plans`.
    ///
    /// A listener whose sockets are already open keeps them; for other listeners, this call opens new sockets.
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

    /// Closes the sockets of the listeners for clients, and the socket of the admin listener.
    func close() {
        for set in clients.values { set.close() }
        admin.close()
    }

    /// Closes the sockets of this configuration that `old` does not have, except those that systemd has opened.
    func closeAdded(to old: ServerSockets) {
        for (key, set) in clients where old.clients[key] == nil && inherited[key] == nil { set.close() }
        if adminAddress != old.adminAddress { admin.close() }
    }

    /// Closes the sockets that the earlier configuration `old` has and this configuration does not have, except those
    /// that systemd has opened.
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

extension ListenAddress {
    /// Reads an address from the message of another process; nil if this version does not understand it.
    fileprivate init?(handed text: String) {
        guard case .success(let address) = Self.parse(text) else { return nil }
        self = address
    }
}
