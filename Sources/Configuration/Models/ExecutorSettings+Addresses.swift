// Host names that stand for several executors, one for each address (`resolve: all` and `resolve: srv`).
package import Transport

extension ExecutorSettings {
    /// Whether the host name in a URL means one executor, or several.
    package enum Resolve: String, Sendable, CaseIterable {
        /// One executor; a connection tries the addresses of the name one after the other.
        case one
        /// One executor for each address of the name.
        case all
        /// One executor for each address of each server in the SRV records of the name (RFC 2782).
        case srv
    }

    /// The DNS query that finds the executors of this entry; nil if the entry is a single executor.
    package var lookup: NameLookup? {
        switch resolve {
        case .one: nil
        case .all: NameLookup(host: url.host, port: url.port)
        case .srv: NameLookup(service: url.host)
        }
    }

    /// The name of the executor in logs and metrics: its URL, and `address` in parentheses unless `address` is nil.
    package var name: String { EngineIdentity(self).name }

    /// The host name in the `host` field of requests, for which the executor's certificate must be valid.
    ///
    /// With `resolve: srv` this is the domain of the service (RFC 6125, section 1.8) and not a target of an SRV record,
    /// because a forged DNS response could otherwise direct the API key to another server.
    package var serverName: String {
        resolve == .srv ? url.host.split(separator: ".").drop { $0.hasPrefix("_") }.joined(separator: ".") : url.host
    }

    /// The value of the `host` field in requests to the executor.
    package var authority: String { resolve == .srv ? serverName : url.authority }

    /// Reads `resolve`, and checks that the URL allows its value.
    ///
    /// - Parameters:
    ///   - key: The configuration key whose value is the URL.
    ///   - isURLValid: Whether the URL has been parsed without an error.
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

    /// Whether a valid URL contains a port.
    private static func hasPort(_ url: String) -> Bool {
        let parts = url.split(separator: "/", maxSplits: 2)
        return parts.count > 1 && parts[1].contains(":")
    }
}

extension Configuration {
    /// Returns the DNS queries for all executors with `resolve: all` or `resolve: srv`, without duplicates.
    ///
    /// - Parameter found: The members found so far. Those that files of executors list may also have `resolve`.
    package func lookups(beside found: FoundMembers) -> [NameLookup] {
        var seen: Set<NameLookup> = []
        return models.flatMap { $0.executors + ($0.executorFile.flatMap { found.files[$0.path] } ?? []) }
            .compactMap(\.lookup).filter { seen.insert($0).inserted }
    }
}

extension ModelSettings {
    /// Replaces each entry with `resolve: all` or `resolve: srv` by one entry for each address of its name.
    ///
    /// With `resolve: all` each address gets the weight of the entry. With `resolve: srv` the weights of the
    /// addresses are in proportion to the weights in their SRV records, and their average is the weight of the entry.
    /// `wholeWeights` then makes the weights of all executors of the model whole numbers.
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

    /// Returns whole weights in proportion to the shares, which are weights that need not be whole.
    ///
    /// If all shares are whole numbers, and only executors with the configured weight 0 (`isUsed` is false) have the
    /// share 0, the shares are returned as they are. Otherwise all shares are rounded to thousandths, and the smallest
    /// whole numbers in the same proportion are returned. An executor with the configured weight 0 then gets 0, and
    /// every other executor gets at least 1.
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
