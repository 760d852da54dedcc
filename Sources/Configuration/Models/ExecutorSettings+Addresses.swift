// Names whose addresses are executors of their own (`resolve: all` and `resolve: srv`).
package import Transport

extension ExecutorSettings {
    /// What the name in a URL stands for.
    package enum Resolve: String, Sendable, CaseIterable {
        /// One executor. A connection tries the addresses of the name one after the other.
        case one
        /// As many executors as the name has addresses.
        case all
        /// As many executors as the servers in the SRV records of the name have addresses (RFC 2782).
        case srv
    }

    /// What is asked of the name servers to find the executors; nil if the entry is one executor.
    package var lookup: NameLookup? {
        switch resolve {
        case .one: nil
        case .all: NameLookup(host: url.host, port: url.port)
        case .srv: NameLookup(service: url.host)
        }
    }

    /// The executor in logs and metrics: its URL, and its address if the name has executors of their own.
    package var name: String { EngineIdentity(self).name }

    /// The host in the `host` field of requests and in the certificate of the server.
    ///
    /// For a service it is the domain of the service (RFC 6125, section 1.8): the names in SRV records come from the
    /// name server, which is no authority on who may get the key.
    package var serverName: String {
        resolve == .srv ? url.host.split(separator: ".").drop { $0.hasPrefix("_") }.joined(separator: ".") : url.host
    }

    /// The value of the `host` field in requests to the executor.
    package var authority: String { resolve == .srv ? serverName : url.authority }

    /// Reads what the name stands for.
    ///
    /// - Parameters:
    ///   - key: The key of the URL.
    ///   - isURLValid: Whether `url` has been read.
    mutating func readResolve(from section: ConfigurationSection, besideURLAt key: String, isURLValid: Bool) {
        section.read("resolve", &resolve)
        guard resolve != .one, isURLValid else { return }
        if url.scheme == .unix || addressBytes(url.host) != nil {
            section.report("resolve", "'\(resolve.rawValue)' needs a url with a host name, which can be resolved")
        } else if resolve == .srv {
            if Self.hasPort(section.scalar(key, expecting: "a URL")?.text ?? "") {
                section.report("resolve", "the SRV records of the name have the ports: the url must have none")
            }
            if serverName.isEmpty {
                section.report("resolve", "'srv' needs a name such as _http._tcp.example.internal")
            }
        }
    }

    /// Whether a valid URL has a port.
    private static func hasPort(_ url: String) -> Bool {
        let parts = url.split(separator: "/", maxSplits: 2)
        return parts.count > 1 && parts[1].contains(":")
    }
}

extension Configuration {
    /// What must be asked of the name servers to find all executors, each once.
    ///
    /// - Parameter found: What completes the configuration: the executors of its files may be names too.
    package func lookups(beside found: FoundMembers) -> [NameLookup] {
        var seen: Set<NameLookup> = []
        return models.flatMap { $0.executors + ($0.executorFile.flatMap { found.files[$0.path] } ?? []) }
            .compactMap(\.lookup).filter { seen.insert($0).inserted }
    }
}

extension ModelSettings {
    /// Replaces each entry whose addresses are executors of their own by one entry for each of them.
    ///
    /// Each address of a host has the weight of the entry. The addresses of a service have this weight on average, and
    /// share it as their records say. Weights are whole numbers: where that needs it, all of the model are multiplied.
    mutating func expandNames(_ found: [NameLookup: [WeightedAddress]]) {
        guard executors.contains(where: { $0.lookup != nil }) else { return }
        var expanded: [(executor: ExecutorSettings, share: Double)] = []
        for entry in executors {
            guard let lookup = entry.lookup else {
                expanded.append((entry, Double(entry.weight)))
                continue
            }
            let addresses = found[lookup] ?? []
            let all = addresses.reduce(0) { $0 + $1.weight }
            for one in addresses {
                var executor = entry
                executor.address = one.address
                let part = all > 0 ? one.weight * Double(addresses.count) / all : 1
                expanded.append((executor, Double(entry.weight) * part))
            }
        }
        let weights = Self.wholeWeights(of: expanded.map { ($0.share, $0.executor.weight > 0) })
        executors = zip(expanded, weights).map { entry, weight in
            var executor = entry.executor
            executor.weight = weight
            return executor
        }
    }

    /// Whole numbers in proportion to the shares, as small as possible; shares are exact to a thousandth.
    ///
    /// Who is not excluded by its entry's weight of 0 gets at least 1.
    private static func wholeWeights(of shares: [(share: Double, isUsed: Bool)]) -> [Int] {
        guard shares.contains(where: { $0.share != $0.share.rounded() || $0.isUsed && $0.share == 0 }) else {
            return shares.map { Int($0.share) }
        }
        let weights = shares.map { $0.isUsed ? max(1, Int(($0.share * 1000).rounded())) : 0 }
        var divisor = 0
        for weight in weights {
            var (greater, smaller) = (divisor, weight)
            while smaller != 0 { (greater, smaller) = (smaller, greater % smaller) }
            divisor = greater
        }
        return weights.map { $0 / max(divisor, 1) }
    }
}
