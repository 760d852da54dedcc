// Reading the section `admin` of a configuration: the address for metrics and health, and the command socket.

extension Configuration {
    /// Reads `admin`; its address must not be the address of a listener.
    mutating func readAdmin(from root: ConfigurationSection, beside listeners: [ReadListener]) {
        if let section = root.section("admin") { readCommandSocket(from: section) }
        guard let section = root.section("admin"), section.has("address") else {
            if let section = root.section("admin") {
                _ = section.node("socket")
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
        _ = section.node("socket")
        let address = section.listenAddress("address")
        admin.socketAccess = section.socketAccess(of: address)
        guard let address else { return }
        if let listener = listeners.first(where: { $0.settings.address.collides(with: address) }) {
            section.report("address", "\(listener.settings.address) is a listener's address already")
        }
        if !address.isLocal {
            let shown = "where metrics and names of models and executors are told to whoever asks"
            section.warn("address", "others can reach \(address), \(shown)")
        }
        admin.address = address
    }

    /// Reads `admin.socket`: `off`, or the path of a unix socket.
    private mutating func readCommandSocket(from section: ConfigurationSection) {
        guard let scalar = section.scalar("socket", expecting: "the path of a unix socket, or 'off'") else { return }
        // Other YAML parsers read an unquoted `off` as the boolean false; this parser keeps the text. Both texts mean
        // off.
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
