// Reading the listeners of a configuration, and the values that look like theirs.

extension ListenerSettings {
    /// Reads `listeners`, of which there must be one at least, each at an address of its own.
    static func readAll(from root: ConfigurationSection) -> [ListenerSettings] {
        let expected = "at least one '- address: HOST:PORT'"
        guard let sections = root.sections("listeners", expecting: expected) else {
            root.requireKey("listeners", expecting: expected)
            return []
        }
        root.requireKey("listeners", expecting: expected)
        var listeners: [ListenerSettings] = []
        var sectionsRead: [ConfigurationSection] = []
        for section in sections {
            guard let listener = ListenerSettings(reading: section) else { continue }
            if listeners.contains(where: { $0.address.collides(with: listener.address) }) {
                let message = "\(section.name("address")): \(listener.address) is listened on already"
                section.reader.report(message, at: section.place("address"))
            }
            listeners.append(listener)
            sectionsRead.append(section)
        }
        for (listener, section) in zip(listeners, sectionsRead) where listener.redirectsToHTTPS && listener.tls == nil {
            guard httpsPort(of: listeners) == nil else { continue }
            let message = "\(section.name("redirect_https")): needs a listener with tls, at a port that is not 0"
            section.reader.report(message, at: section.place("redirect_https"))
        }
        return listeners
    }

    /// Where `redirect_https` leads: 443 if a TLS listener is there, else the port of the first; nil where none is.
    static func httpsPort(of listeners: [ListenerSettings]) -> UInt16? {
        let ports = listeners.compactMap { listener -> UInt16? in
            guard listener.tls != nil, case .tcp(_, let port) = listener.address, port != 0 else { return nil }
            return port
        }
        return ports.first { $0 == 443 } ?? ports.first
    }

    private init?(reading section: ConfigurationSection) {
        let address = section.listenAddress("address")
        section.requireKey("address", expecting: "HOST:PORT, [v6]:PORT or unix:/PATH")
        var h2cUpgrade = true
        var trusted = false
        let tls = section.section("tls").map { TLS(reading: $0) }
        var http2 = true
        section.read("http2", &http2)
        section.read("h2c_upgrade", &h2cUpgrade)
        if !http2, h2cUpgrade, section.has("h2c_upgrade") {
            let message = "\(section.name("h2c_upgrade")): has no meaning beside http2: false"
            section.reader.report(message, at: section.place("h2c_upgrade"))
        }
        section.read("trusted", &trusted)
        if tls != nil, h2cUpgrade, section.has("h2c_upgrade") {
            let message = "\(section.name("h2c_upgrade")): has no meaning beside tls, where ALPN chooses HTTP/2"
            section.reader.report(message, at: section.place("h2c_upgrade"))
        }
        var redirectsToHTTPS = false
        section.read("redirect_https", &redirectsToHTTPS)
        if tls != nil, redirectsToHTTPS {
            let message = "\(section.name("redirect_https")): has no meaning beside tls"
            section.reader.report(message, at: section.place("redirect_https"))
        }
        section.finish()
        guard let address else { return nil }
        self.init(address: address, tls: tls, h2cUpgrade: h2cUpgrade && tls == nil && http2, trusted: trusted)
        self.http2 = http2
        self.redirectsToHTTPS = redirectsToHTTPS
    }
}

extension ListenerSettings.TLS {
    fileprivate init(reading section: ConfigurationSection) {
        let expected = "at least one '- chain: FILE' with its 'key: FILE'"
        let sections = section.sections("certificates", expecting: expected)
        section.requireKey("certificates", expecting: expected)
        self.init(
            certificates: (sections ?? []).compactMap { certificate in
                let chain = certificate.requiredFile("chain")
                let key = certificate.requiredFile("key")
                certificate.finish()
                guard let chain, let key else { return nil }
                return ListenerSettings.Certificate(chainPath: chain, keyPath: key)
            }
        )
        section.finish()
    }
}

extension ConfigurationSection {
    func listenAddress(_ key: String) -> ListenAddress? {
        guard let scalar = scalar(key, expecting: "HOST:PORT, [v6]:PORT or unix:/PATH") else { return nil }
        switch ListenAddress.parse(scalar.text) {
        case .success(let address): return address
        case .failure(let problem):
            reject(scalar, key, problem.message)
            return nil
        }
    }

    /// The origins of browsers: `*`, or scheme and host as a browser's `origin` field has them.
    func origins(_ key: String) -> [String] {
        let origins = texts(key, expecting: "origins such as https://chat.example.org") ?? []
        for origin in origins where !Self.isOrigin(origin.text) {
            let message = "\(name(key)): '\(Self.printable(origin.text))': expected '*' or SCHEME://HOST[:PORT]"
            reader.report(message, at: origin.position)
        }
        return origins.map(\.text)
    }

    private static func isOrigin(_ text: String) -> Bool {
        if text == "*" { return true }
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: 0x3A), colon > 0, bytes[colon...].starts(with: "://".utf8) else {
            return false
        }
        let host = bytes[(colon + 3)...]
        return !host.isEmpty && !host.contains { Array("/?#@ ,".utf8).contains($0) }
    }

    fileprivate func requiredFile(_ key: String) -> String? {
        let path = readableFile(key)
        requireKey(key, expecting: "the path of a file")
        return path
    }
}
