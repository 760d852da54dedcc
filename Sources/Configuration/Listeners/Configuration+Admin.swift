// Reads the section `admin` of a configuration: the address for metrics and health, the clients that may use the
// address, and the command socket.
internal import Transport

extension Configuration {
    /// Reads `admin`; its address must not be the address of a listener.
    mutating func readAdmin(from root: ConfigurationSection, beside listeners: [ReadListener]) {
        if let section = root.section("admin") {
            readCommandSocket(from: section)
            readAccess(from: section)
        }
        guard let section = root.section("admin"), section.has("address") else {
            if let section = root.section("admin") {
                Self.noteKeysReadBefore(of: section)
                _ = section.listenAddress("address")
                admin.socketAccess = section.socketAccess(of: admin.address)
                section.finish()
            }
            if let listener = listeners.first(where: { $0.settings.address.collides(with: admin.address) }) {
                let message = "\(listener.settings.address) meets admin.address, which is \(admin.address) by default"
                root.reader.report("listeners[].address: \(message)", at: listener.position)
            }
            return
        }
        defer { section.finish() }
        Self.noteKeysReadBefore(of: section)
        let address = section.listenAddress("address")
        admin.socketAccess = section.socketAccess(of: address)
        guard let address else { return }
        if let listener = listeners.first(where: { $0.settings.address.collides(with: address) }) {
            section.report("address", "\(listener.settings.address) is a listener's address already")
        } else if !address.isLocal, admin.allow == nil {
            let told = "where metrics and names of models and executors are told to whoever asks"
            section.report("address", "others can reach \(address), \(told): list in admin.allow who may")
        }
        admin.address = address
    }

    /// Marks as known the keys that `readCommandSocket` and `readAccess` have read.
    ///
    /// These two functions read from another `ConfigurationSection` object. Without this call, `finish` of `section`
    /// would report the keys as unknown.
    private static func noteKeysReadBefore(of section: ConfigurationSection) {
        for key in ["socket", "hosts", "allow"] { _ = section.node(key) }
    }

    /// Reads `admin.hosts`, a list of host names, and `admin.allow`, a list of ranges of client addresses.
    private mutating func readAccess(from section: ConfigurationSection) {
        for host in section.texts("hosts", expecting: "names such as metrics.example.org") ?? [] {
            let name = host.text.lowercased()
            let isName = name.utf8.allSatisfy { $0.isAlphanumeric || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
            guard isName, !name.hasPrefix("."), !name.hasSuffix(".") else {
                let quoted = ConfigurationSection.printable(host.text)
                section.reader.report("admin.hosts: '\(quoted)': expected a name without a port", at: host.position)
                continue
            }
            admin.hosts.append(name)
        }
        admin.allow = section.ranges("allow")
    }

    /// Reads `admin.socket`: `off`, or the path of a unix socket.
    private mutating func readCommandSocket(from section: ConfigurationSection) {
        guard let scalar = section.scalar("socket", expecting: "the path of a unix socket, or 'off'") else { return }
        // Other YAML parsers read an unquoted `off` as the boolean false; this parser keeps the text. So `off` and
        // `false` have the same meaning for this key.
        if scalar.text == "off" || scalar.text == "false" {
            admin.commandSocket = .off
            return
        }
        switch ListenAddress.parse("unix:" + section.reader.resolve(scalar.text)) {
        case .success(.unix(let path)): admin.commandSocket = .path(path)
        case .success, .failure:
            let most = ListenAddress.unixPathBytesMax
            section.report("socket", "expected 'off' or an absolute path of at most \(most) bytes")
        }
    }
}
