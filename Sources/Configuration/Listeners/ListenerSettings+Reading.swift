// Reading the section `listeners` of a configuration.
internal import Transport

/// A listener and the position of its address in the file.
struct ReadListener {
    let settings: ListenerSettings
    let position: Position
}

extension ListenerSettings {
    /// Reads `listeners`; reports an error if there is no listener, or if two listeners would bind the same address.
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
        section.finish()
        guard let address else { return nil }
        self.init(address: address, tls: tls, h2cUpgrade: h2cUpgrade && tls == nil && http2, trusted: trusted)
        self.http2 = http2
        self.redirectsToHTTPS = redirectsToHTTPS
        self.socketAccess = socketAccess
        self.access = access
    }
}

extension ListenerSettings.TLS {
    fileprivate init(reading section: ConfigurationSection) {
        let expected = "at least one '- chain: FILE' with its 'key: FILE'"
        let sections = section.sections("certificates", expecting: expected)
        section.requireKey("certificates", expecting: expected)
        var certificates: [ListenerSettings.Certificate] = []
        var sectionsRead: [ConfigurationSection] = []
        var areGood = true
        for section in sections ?? [] {
            let chain = section.requiredFile("chain")
            let key = section.requiredFile("key")
            section.finish()
            let isGood = section.inspectPair(chain, key)
            guard let chain, let key else { continue }
            areGood = areGood && isGood
            certificates.append(ListenerSettings.Certificate(chainPath: chain.path, keyPath: key.path))
            sectionsRead.append(section)
        }
        self.init(certificates: certificates)
        section.finish()
        guard areGood, certificates.count > 1 else { return }
        let files = certificates.map { CertificateFiles(chain: $0.chainPath, key: $0.keyPath) }
        guard let conflict = section.reader.inspection.conflict(files) else { return }
        let finding = CertificateFinding(.chain, conflict.message)
        sectionsRead[conflict.index].report(finding, in: files[conflict.index].chain, at: "chain")
    }
}

extension ConfigurationSection {
    /// Returns the path that is the value of a required key, and whether the file can be read; nil if the key is
    /// missing.
    fileprivate func requiredFile(_ key: String) -> (path: String, isReadable: Bool)? {
        let file = checkedFile(key)
        requireKey(key, expecting: "the path of a file")
        return file
    }

    /// Checks a certificate and its key; returns false if one of them has an error.
    fileprivate func inspectPair(
        _ chain: (path: String, isReadable: Bool)?,
        _ key: (path: String, isReadable: Bool)?
    ) -> Bool {
        let files = CertificateFiles(chain: chain?.path ?? "", key: key?.path ?? "")
        let areReadable = (chain: chain?.isReadable ?? false, key: key?.isReadable ?? false)
        let findings = reader.inspection.pair(
            files,
            areReadable.chain,
            areReadable.key,
            reader.certificateNotice
        )
        for finding in findings {
            let isChain = finding.place == .chain
            report(finding, in: isChain ? files.chain : files.key, at: isChain ? "chain" : "key")
        }
        return areReadable.chain && areReadable.key && findings.allSatisfy(\.isWarning)
    }
}
