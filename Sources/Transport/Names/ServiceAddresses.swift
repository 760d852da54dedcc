// Combines the SRV records of a service with the addresses of its servers.

/// The addresses to which a name resolves.
struct FoundAddresses {
    /// The addresses of a host, in the order in which a connection should try them.
    ///
    /// Empty for a service, that is a name with SRV records.
    var inOrder: [SocketAddress] = []
    /// The addresses of the host or of the service, with their weights.
    var weighted: [WeightedAddress]
    /// The shortest TTL of the DNS records from which the addresses come, in seconds.
    ///
    /// The value is 0 if the DNS query for the addresses of one of a service's servers failed.
    var secondsToLive: Int
}

/// Collects the servers that a service's SRV records name, and their addresses, from DNS answers.
///
/// The caller sends the queries. If the name of a server can no longer be resolved, its last addresses are kept.
struct ServiceAddresses {
    private var records: [ServiceRecord] = []
    private var secondsToLive = 0
    /// The IP addresses of each server of the service, by the host name in its SRV record.
    private var hosts: [String: [String]] = [:]
    /// The host names from the SRV records whose DNS queries for addresses have not been answered yet.
    private var pending: Set<String> = []
    private var lastError = NameError.noData

    /// Stores the SRV records of a new answer.
    ///
    /// - Returns: the names of the servers, each once; the caller must query the addresses of each.
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

    /// Stores the answer to the query for one server's addresses.
    mutating func answered(_ name: String, _ result: Result<NameAnswer, NameError>) {
        pending.remove(name)
        switch result {
        case .success(let answer):
            hosts[name] = answer.addresses.map(\.host)
            secondsToLive = min(secondsToLive, answer.secondsToLive)
        case .failure(let error):
            // The DNS query for this server failed, so `hosts` keeps its last addresses. A TTL of 0 makes the resolver
            // query the service again soon.
            secondsToLive = 0
            lastError = error
        }
    }

    /// The addresses of all servers; a failure if no server has an address, nil while a query is unanswered.
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
