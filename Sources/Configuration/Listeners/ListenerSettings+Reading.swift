// Reads the section `listeners` of a configuration.
internal import Transport

/// The settings of a listener, and the position of its address in the configuration file, for error messages.
struct ReadListener {
    let settings: ListenerSettings
    let position: Position
}

extension ListenerSettings {
    /// Reads the key `listeners`; reports an error if there is no listener, or if two listeners have the same address
    /// or overlapping addresses.
    static func readAll(from root: ConfigurationSection) -> [ReadListener] {
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
            if let other = listeners.first(where: { $0.address.collides(with: listener.address) }) {
                let why =
                    listener.address.isSame(as: other.address)
                    ? "\(listener.address) is listened on already"
                    : "\(listener.address) overlaps \(other.address): one of the two is for all addresses"
                section.report("address", why)
            }
            listeners.append(listener)
            sectionsRead.append(section)
        }
        for (listener, section) in zip(listeners, sectionsRead) where listener.redirectsToHTTPS && listener.tls == nil {
            guard httpsPort(of: listeners) == nil else { continue }
            section.report("redirect_https", "needs a listener with tls, at a port that is not 0")
        }
        return zip(listeners, sectionsRead).map { ReadListener(settings: $0, position: $1.position(of: "address")) }
    }

    private init?(reading section: ConfigurationSection) {
        let address = section.listenAddress("address")
        section.requireKey("address", expecting: "HOST:PORT, [v6]:PORT or unix:/PATH")
        let socketAccess = section.socketAccess(of: address)
        var h2cUpgrade = true
        var trusted = false
        let tls = section.section("tls").map { TLS(reading: $0) }
        var http2 = true
        section.read("http2", &http2)
        section.read("h2c_upgrade", &h2cUpgrade)
        if !http2, h2cUpgrade, section.has("h2c_upgrade") {
            section.report("h2c_upgrade", "has no meaning beside http2: false")
        }
        section.read("trusted", &trusted)
        if tls != nil, h2cUpgrade, section.has("h2c_upgrade") {
            section.report("h2c_upgrade", "has no meaning beside tls, where ALPN chooses HTTP/2")
        }
        var redirectsToHTTPS = false
        section.read("redirect_https", &redirectsToHTTPS)
        if tls != nil, redirectsToHTTPS {
            section.report("redirect_https", "has no meaning beside tls")
        }
        let access = ListenerAccess(reading: section)
        let clients = ClientCertificates(reading: section, isSecure: tls != nil)
        let needsServerName = section.needsServerName(isSecure: tls != nil)
        let hosts = section.servedHosts()
        let acmeWebroot = section.acmeWebroot(isSecure: tls != nil)
        let responseFields = section.responseFields()
        section.finish()
        guard let address else { return nil }
        self.init(address: address, tls: tls, h2cUpgrade: h2cUpgrade && tls == nil && http2, trusted: trusted)
        self.http2 = http2
        self.redirectsToHTTPS = redirectsToHTTPS
        self.socketAccess = socketAccess
        self.access = access
        self.clientCertificates = clients
        self.needsServerName = needsServerName
        self.hosts = hosts
        self.acmeWebroot = acmeWebroot
        self.responseFields = responseFields
    }
}
