// Reading the listeners of a configuration, and the values that look like theirs.
internal import Transport

/// A listener as it was read, and the place of its address in the file.
struct ReadListener {
    let settings: ListenerSettings
    let position: Position
}

extension ListenerSettings {
    /// Reads `listeners`, of which there must be one at least, each at an address of its own.
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
                section.reader.report("\(section.name("address")): \(why)", at: section.place("address"))
            }
            listeners.append(listener)
            sectionsRead.append(section)
        }
        for (listener, section) in zip(listeners, sectionsRead) where listener.redirectsToHTTPS && listener.tls == nil {
            guard httpsPort(of: listeners) == nil else { continue }
            let message = "\(section.name("redirect_https")): needs a listener with tls, at a port that is not 0"
            section.reader.report(message, at: section.place("redirect_https"))
        }
        return zip(listeners, sectionsRead).map { ReadListener(settings: $0, position: $1.place("address")) }
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
        let socketAccess = section.socketAccess(of: address)
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
        self.socketAccess = socketAccess
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
    func listenAddress(_ key: String) -> ListenAddress? {
        guard let scalar = scalar(key, expecting: "HOST:PORT, [v6]:PORT or unix:/PATH") else { return nil }
        switch ListenAddress.parse(scalar.text) {
        case .success(let address): return address
        case .failure(let problem):
            reject(scalar, key, problem.message)
            return nil
        }
    }

    /// `mode` and `group` of the file of a unix socket at `address`; reported where they cannot be applied.
    func socketAccess(of address: ListenAddress?) -> SocketFileAccess {
        var access = SocketFileAccess()
        if let scalar = scalar("mode", expecting: Self.modeExpected) {
            access.mode = Self.mode(scalar.text)
            if access.mode == nil { reject(scalar, "mode", "expected \(Self.modeExpected)") }
        }
        access.group = text("group", expecting: "the name of a group")
        if let group = access.group, reader.inspection.group(group) == nil {
            reader.report("\(name("group")): '\(Self.printable(group))': there is no such group", at: place("group"))
        }
        guard case .tcp? = address else {
            if let mode = access.mode, mode & 0o022 == 0, access.group != nil || mode & 0o055 != 0 {
                let why = "nobody but its owner can connect: to connect is to write, as in 0660"
                reader.warn("\(name("mode")): \(why)", at: place("mode"))
            }
            return access
        }
        for key in ["mode", "group"] where has(key) {
            reader.report("\(name(key)): only for a unix socket", at: place(key))
        }
        return access
    }

    private static let modeExpected = "octal permissions such as 0660"

    private static func mode(_ text: String) -> UInt32? {
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
        guard (3...4).contains(digits.utf8.count), let mode = UInt32(digits, radix: 8), mode <= 0o777 else {
            return nil
        }
        return mode
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

    fileprivate func requiredFile(_ key: String) -> (path: String, isReadable: Bool)? {
        let file = checkedFile(key)
        requireKey(key, expecting: "the path of a file")
        return file
    }

    /// Reports what is wrong with a certificate and its key; false where it is an error.
    fileprivate func inspectPair(
        _ chain: (path: String, isReadable: Bool)?,
        _ key: (path: String, isReadable: Bool)?
    ) -> Bool {
        let files = CertificateFiles(chain: chain?.path ?? "", key: key?.path ?? "")
        let areReadable = (chain: chain?.isReadable ?? false, key: key?.isReadable ?? false)
        let findings = reader.inspection.pair(files, areReadable.chain, areReadable.key)
        for finding in findings {
            let isChain = finding.place == .chain
            report(finding, in: isChain ? files.chain : files.key, at: isChain ? "chain" : "key")
        }
        return areReadable.chain && areReadable.key && findings.allSatisfy(\.isWarning)
    }
}
