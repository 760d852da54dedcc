// From the SRV records of a service to the addresses of its servers.

/// The addresses that a name was found at.
struct FoundAddresses {
    /// The addresses of a host, in the order in which a connection should try them; none for a service.
    var inOrder: [SocketAddress] = []
    /// The same addresses, or those of a service, with their weights.
    var weighted: [WeightedAddress]
    /// The shortest TTL of the records, in seconds.
    var secondsToLive: Int
}

/// Collects the addresses of a service's servers from answers; it sends no queries itself.
///
/// The addresses of a server are remembered: they stay when its name cannot be resolved later.
struct ServiceAddresses {
    private var records: [ServiceRecord] = []
    private var secondsToLive = 0
    /// The hosts of each server's addresses.
    private var hosts: [String: [String]] = [:]
    /// The names that have not been answered.
    private var pending: Set<String> = []
    private var lastError = NameError.noData

    /// Takes the records of a new answer.
    ///
    /// - Returns: the names of their servers, each once, whose addresses must be asked for.
    mutating func begin(_ answer: NameAnswer) -> [String] {
        secondsToLive = answer.secondsToLive
        lastError = .noData
        var names: [String] = []
        pending = []
        for record in answer.services where pending.count < AddressList.addressesMax {
            if pending.insert(record.target).inserted { names.append(record.target) }
        }
        records = answer.services.filter { pending.contains($0.target) }
        hosts = hosts.filter { pending.contains($0.key) }
        return names
    }

    /// Takes the answer about one server.
    mutating func answered(_ name: String, _ result: Result<NameAnswer, NameError>) {
        pending.remove(name)
        switch result {
        case .success(let answer):
            hosts[name] = answer.addresses.map(\.host)
            secondsToLive = min(secondsToLive, answer.secondsToLive)
        case .failure(let error):
            // The last addresses of the server stay; a TTL of 0 makes the resolver ask again soon.
            secondsToLive = 0
            lastError = error
        }
    }

    /// The addresses of all servers; a failure if no server has one, and nil while a server has not been answered.
    var result: Result<FoundAddresses, NameError>? {
        guard pending.isEmpty else { return nil }
        let found = records.flatMap { record in
            let hosts = hosts[record.target] ?? []
            return hosts.map {
                WeightedAddress(
                    ResolvedAddress(host: $0, port: record.port),
                    weight: Double(record.weight) / Double(hosts.count)
                )
            }
        }
        guard !found.isEmpty else { return .failure(lastError) }
        return .success(FoundAddresses(weighted: found, secondsToLive: secondsToLive))
    }
}
