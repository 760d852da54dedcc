// Which peers of a listener may tell it the addresses of their clients, and which clients the listener serves.
package import HTTP
package import Transport

/// The settings that say where a listener learns a client's address, and which clients it serves.
///
/// A peer is the other end of a socket: a client, or a proxy in front of this server.
package struct ListenerAccess: Sendable, Equatable {
    /// Where the addresses of clients come from; a source other than `peer` needs `trustedPeers`.
    package var source = ClientAddressSource.peer
    /// The peers that may tell the listener the addresses of their clients; nil if the listener has no `trusted_peers`.
    package var trustedPeers: AddressFile?
    /// The path of the file that lists `trustedPeers`; nil if the configuration itself lists these peers.
    ///
    /// The file is read again when it changes.
    package var trustedPeersPath: String?
    /// Whether the listener refuses every peer that is not in `trustedPeers`.
    package var trustedOnly = false
    /// The clients that are served, except those in `deny`; nil if all clients except those in `deny` are served.
    package var allow: [AddressRange]?
    /// The clients that are refused, even if they are in `allow`.
    package var deny: [AddressRange] = []

    package init() {}

    /// Reads these keys of a listener: `client_address`, `trusted_peers`, `trusted_only`, `allow`, `deny`.
    init(reading section: ConfigurationSection) {
        readTrustedPeers(from: section)
        let words = ClientAddressSource.allCases.map(\.rawValue).joined(separator: ", ")
        if let scalar = section.scalar("client_address", expecting: words) {
            if let source = ClientAddressSource(rawValue: scalar.text) {
                self.source = source
            } else {
                section.reject(scalar, "client_address", "expected one of \(words)")
            }
        }
        section.read("trusted_only", &trustedOnly)
        if source != .peer, !section.has("trusted_peers") {
            section.report("client_address", "needs trusted_peers: only those are believed about addresses")
        }
        if trustedOnly, !section.has("trusted_peers") { section.report("trusted_only", "needs trusted_peers") }
        allow = section.ranges("allow")
        deny = section.ranges("deny") ?? []
        if let allow, allow.isEmpty { section.report("allow", "lists no address: nobody would be served") }
    }

    /// Reads `trusted_peers`: a list of ranges, one range, or the path of a file.
    private mutating func readTrustedPeers(from section: ConfigurationSection) {
        let key = "trusted_peers"
        guard let node = section.node(key) else { return }
        if case .sequence = node.kind {
            var list = AddressFile()
            for item in section.texts(key, expecting: "ranges such as 10.0.0.0/8, or unix:") ?? [] {
                do throws(AddressRange.Problem) {
                    try list.add(item.text)
                } catch {
                    section.reject(item, of: key, error)
                }
            }
            if list == AddressFile() { section.report(key, "lists no address") }
            trustedPeers = list
            return
        }
        guard let text = section.text(key, expecting: "a list of ranges, or the path of a file of them") else { return }
        var one = AddressFile()
        if (try? one.add(text)) != nil {
            trustedPeers = one
            return
        }
        let path = section.reader.resolve(text)
        trustedPeersPath = path
        trustedPeers = AddressFile()
        switch section.reader.readFile(path) {
        case .failure(let problem):
            section.report(key, "cannot read \(ConfigurationSection.printable(path)): \(problem)")
        case .success(let bytes):
            do throws(AddressFile.Problem) {
                trustedPeers = try AddressFile(parsing: bytes)
            } catch {
                section.report(key, "\(ConfigurationSection.printable(path)): \(error)")
            }
        }
    }
}

extension ConfigurationSection {
    /// Returns the ranges in the value of a key; nil if the key is absent or its value is not a list.
    ///
    /// - Parameter key: A key whose value is a list of `ADDRESS/BITS` or single addresses.
    func ranges(_ key: String) -> [AddressRange]? {
        guard let items = texts(key, expecting: "ranges such as 10.0.0.0/8") else { return nil }
        return items.compactMap { item in
            do throws(AddressRange.Problem) {
                return try AddressRange(parsing: item.text)
            } catch {
                reject(item, of: key, error)
                return nil
            }
        }
    }

    fileprivate func reject(_ item: (text: String, position: Position), of key: String, _ why: AddressRange.Problem) {
        reader.report("\(name(of: key)): '\(Self.printable(item.text))': \(why)", at: item.position)
    }
}
