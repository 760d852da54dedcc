// Reading a configuration: the file into a tree, the tree into a snapshot, and every fault on the way at once.
internal import Routing

extension Configuration {
    /// Reads and checks a whole configuration file.
    ///
    /// Everything outside the file comes in by parameter: tests give their own. `checkFile` says why a file that the
    /// configuration names (a certificate, a key) cannot be read, nil if it can; `inspection` what is wrong in it.
    package static func load(
        path: String,
        environment: [String: String] = SystemFiles.environment(),
        readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read,
        checkFile: @escaping (String) -> FileProblem? = SystemFiles.check,
        inspection: FileInspection = .none
    ) -> Result<Configuration, ConfigurationErrors> {
        let reader = ConfigurationReader(
            file: path,
            readFile: readFile,
            checkFile: checkFile,
            inspection: inspection
        )
        switch readFile(path) {
        case .failure(let problem):
            reader.report("the file cannot be read: \(problem)", at: Position())
            return .failure(reader.errors)
        case .success(let bytes):
            return load(bytes: bytes, environment: environment, reader: reader)
        }
    }

    static func load(
        bytes: [UInt8],
        environment: [String: String],
        reader: ConfigurationReader
    ) -> Result<Configuration, ConfigurationErrors> {
        reader.environment = environment
        reader.noteVariables(in: String(decoding: bytes, as: UTF8.self))
        var document = ConfigurationDocument(environment: environment, reader: reader)
        let root = document.parse(bytes)
        // Nothing below makes sense of a file that is no YAML; an empty one is a section without keys.
        if root == nil, !reader.problems.isEmpty { return .failure(reader.errors) }
        let empty = ConfigurationNode(position: Position(), kind: .mapping([]))
        let section = ConfigurationSection(root: root ?? empty, reader: reader)
        guard var configuration = section.map({ Configuration(reading: $0) }), reader.problems.isEmpty else {
            return .failure(reader.errors)
        }
        configuration.warnings = reader.warnings
        return .success(configuration)
    }

    private init(reading root: ConfigurationSection) {
        self.init(listeners: [], models: [])
        let listeners = ListenerSettings.readAll(from: root)
        self.listeners = listeners.map(\.settings)
        readAdmin(from: root, beside: listeners)
        workers = Self.workers(from: root)
        gather = Self.gather(from: root)
        root.read("poller", &poller)
        root.read(bytes: "memory_limit", &memoryLimitBytes, in: 16 << 20...1 << 40)
        root.read(count: "max_connections", &maxConnections, in: 1...1_000_000)
        root.read("drain_timeout", &drainTimeout, in: .zero ... .seconds(3600))
        root.read("commit_after", &commitAfter, in: .milliseconds(10) ... .seconds(3600))
        root.read("keep_alive", &keepAlive, in: .milliseconds(10) ... .seconds(600))
        if let section = root.section("timeouts") { timeouts.read(from: section) }
        readLimits(from: root)
        warnOfIdleConnections(root)
        readAdmission(from: root)
        readAuthentication(from: root)
        inspectKeys(from: root, listeners: listeners)
        readLedger(from: root)
        readCORS(from: root)
        forward = ForwardSettings(reading: root)
        if let section = root.section("log") {
            section.read("access", &log.access)
            section.read("engine_errors", &log.engineErrors)
            section.finish()
        }
        models = ModelSettings.readAll(from: root, own: OwnAddresses(self, root.reader.inspection))
        root.finish()
    }

    private mutating func readAdmin(from root: ConfigurationSection, beside listeners: [ReadListener]) {
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
            let message = "\(section.name("address")): \(listener.settings.address) is a listener's address already"
            section.reader.report(message, at: section.place("address"))
        }
        if !address.isLocal {
            let told = "where metrics and names of models and executors are told to whoever asks"
            section.reader.warn(
                "\(section.name("address")): others can reach \(address), \(told)",
                at: section.place("address")
            )
        }
        admin.address = address
    }

    private static func workers(from root: ConfigurationSection) -> Workers {
        if root.scalar("workers", expecting: "auto or a whole number")?.text == "auto" { return .auto }
        return root.count("workers", in: 1...1024, or: "auto or ").map { .count($0) } ?? .auto
    }

    private static func gather(from root: ConfigurationSection) -> Gather {
        let words = "auto, off, or "
        switch root.scalar("gather", expecting: "\(words)a duration")?.text {
        case nil, "auto": return .auto
        case "off": return .off
        default:
            let range = Duration.microseconds(10) ... .milliseconds(10)
            return root.duration("gather", in: range, or: words).map { .interval($0) } ?? .auto
        }
    }

    private mutating func readLimits(from root: ConfigurationSection) {
        // A body beyond the whole budget could never be reserved.
        limits.bodyBytes = min(limits.bodyBytes, memoryLimitBytes)
        guard let section = root.section("limits") else { return }
        section.read(bytes: "body", &limits.bodyBytes, in: 1 << 10...1 << 30)
        section.read(bytes: "header_bytes", &limits.headerBytes, in: 1 << 10...1 << 20)
        section.read(count: "header_count", &limits.headerCount, in: 8...1000)
        section.read(count: "streams", &limits.streams, in: 1...65_536)
        section.read(bytes: "exchange_buffer", &limits.exchangeBufferBytes, in: 16 << 10...64 << 20)
        for (key, bytes) in [("body", limits.bodyBytes), ("exchange_buffer", limits.exchangeBufferBytes)]
        where bytes > memoryLimitBytes {
            let limit = Quantity.text(bytes: memoryLimitBytes)
            section.reader.report("\(section.name(key)): is above memory_limit (\(limit))", at: section.place(key))
        }
        section.finish()
    }

    /// Connections that do nothing are kept from taking the memory that a body needs: so fewer than asked for may come in.
    private func warnOfIdleConnections(_ root: ConfigurationSection) {
        let most = ConnectionRoom.besideBody(of: self)
        guard root.has("max_connections"), maxConnections > most else { return }
        let limits = "memory_limit (\(Quantity.text(bytes: memoryLimitBytes))) and limits.body"
        root.reader.warn(
            "max_connections: accepting pauses at \(most) connections already: more would not leave what one body needs "
                + "of \(limits)",
            at: root.place("max_connections")
        )
    }

    private mutating func readAdmission(from root: ConfigurationSection) {
        // A wait that ends before the commit leaves the queue its 429.
        admission.maxWait = min(admission.maxWait, commitAfter * 4 / 5)
        guard let section = root.section("admission") else { return }
        section.read("max_wait", &admission.maxWait, in: .zero ... .seconds(3600))
        section.read(count: "max_queue", &admission.maxQueue, in: 0...1_000_000)
        if admission.maxWait >= commitAfter {
            let waits = "\(Quantity.text(admission.maxWait)) is not below commit_after (\(Quantity.text(commitAfter)))"
            section.reader.report("\(section.name("max_wait")): \(waits)", at: section.place("max_wait"))
        }
        section.finish()
    }

    private mutating func readAuthentication(from root: ConfigurationSection) {
        let section = root.section("authentication")
        if let section {
            authentication.keysPath = section.readableFile("keys")
            // Made when it is absent, so not read here.
            authentication.secretPath = section.text("secret", expecting: "the path of a file").map(root.reader.resolve)
            if let anonymous = section.section("anonymous") {
                authentication.anonymousLimits = KeyLimits(reading: anonymous)
                anonymous.finish()
            }
            section.read("required", &authentication.required)
            section.finish()
        }
        let open = "write 'authentication: {required: false}' to serve everyone"
        if let keys = authentication.keysPath {
            if authentication.secretPath == nil { authentication.secretPath = keys + ".secret" }
            // Whoever has keys means them, on any listener.
            if section?.has("required") != true { authentication.required = true }
        } else if authentication.required, let section, !section.has("keys") {
            let message = "authentication.required: true needs authentication.keys, a file of keys; or \(open)"
            root.reader.report(message, at: section.place("required"))
        } else if section?.has("required") != true, section?.has("keys") != true,
            let listener = listeners.first(where: { !$0.address.isLocal })
        {
            let why = "others can reach \(listener.address), so authentication.required is true by default"
            let message = "\(why): name a file of keys as authentication.keys, or \(open)"
            root.reader.report(message, at: section?.position ?? root.place("listeners"))
        }
    }

    private mutating func readLedger(from root: ConfigurationSection) {
        guard let section = root.section("ledger") else { return }
        ledger.path = section.text("path", expecting: "the path of a file").map(root.reader.resolve)
        section.finish()
    }

    private mutating func readCORS(from root: ConfigurationSection) {
        guard let section = root.section("cors") else { return }
        cors.origins = section.origins("origins")
        section.finish()
    }
}

extension Configuration.Timeouts {
    fileprivate mutating func read(from section: ConfigurationSection) {
        let short = Duration.milliseconds(10) ... .seconds(600)
        let long = Duration.milliseconds(10) ... .seconds(86_400)
        section.read("handshake", &handshake, in: short)
        section.read("header", &header, in: short)
        section.read("body", &body, in: short)
        section.read("idle", &idle, in: long)
        section.read("idle_trusted", &idleTrusted, in: long)
        section.read("client_stall", &clientStall, in: long)
        section.read("connect", &connect, in: short)
        section.read("first_event", &firstEvent, in: long)
        section.read("response", &response, in: long)
        section.read("stall", &stall, in: long)
        section.finish()
    }
}
