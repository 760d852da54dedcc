// Reading the section `admin` of a configuration: where metrics, status and debug pages are served.

extension Configuration {
    /// Reads `admin`, whose address must not be that of a listener.
    mutating func readAdmin(from root: ConfigurationSection, beside listeners: [ReadListener]) {
        guard let section = root.section("admin"), section.has("address") else {
            if let section = root.section("admin") {
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
}
