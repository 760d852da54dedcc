// Reads the smaller sections of a configuration: workers, timeouts, limits, admission, log, CORS origins, and the
// ledger, a file in which a later version of the server is to record finished exchanges.
internal import Inference
internal import Routing

extension Configuration {
    /// Reads `workers`: `auto` or a number.
    static func workers(from root: ConfigurationSection) -> Workers {
        if root.scalar("workers", expecting: "auto or a whole number")?.text == "auto" { return .auto }
        return root.count("workers", in: 1...1024, or: "auto or ").map { .count($0) } ?? .auto
    }

    /// Reads `gather`, how long a busy worker sleeps before it polls again: `auto`, `off` or a duration.
    static func gather(from root: ConfigurationSection) -> Gather {
        let words = "auto, off, or "
        switch root.scalar("gather", expecting: "\(words)a duration")?.text {
        case nil, "auto": return .auto
        case "off": return .off
        default:
            let range = Duration.microseconds(10) ... .milliseconds(10)
            return root.duration("gather", in: range, or: words).map { .interval($0) } ?? .auto
        }
    }

    /// Reads `limits`; the limits of a request body and of a response buffer must not be above `memory_limit`.
    mutating func readLimits(from root: ConfigurationSection) {
        // The default of `limits.body` is lowered to `memory_limit`, because a larger body could never be accepted.
        limits.bodyBytes = min(limits.bodyBytes, memoryLimitBytes)
        guard let section = root.section("limits") else { return }
        section.read(bytes: "body", &limits.bodyBytes, in: 1 << 10...1 << 30)
        section.read(bytes: "header_bytes", &limits.headerBytes, in: 1 << 10...1 << 20)
        section.read(count: "header_count", &limits.headerCount, in: 8...1000)
        section.read(count: "streams", &limits.streams, in: 1...65_536)
        section.read(bytes: "exchange_buffer", &limits.exchangeBufferBytes, in: 16 << 10...64 << 20)
        section.read(bytes: "body_pace", &limits.bodyPace, in: 0...1 << 30)
        section.read(bytes: "read_pace", &limits.readPace, in: 0...1 << 30)
        if let addresses = section.section("per_address") { limits.perAddress.read(from: addresses) }
        section.read(limit: "prefill_resets", &limits.prefillResets, in: 1...KeyLimits.prefillResetsMost)
        for (key, bytes) in [("body", limits.bodyBytes), ("exchange_buffer", limits.exchangeBufferBytes)]
        where bytes > memoryLimitBytes {
            let limit = Quantity.text(bytes: memoryLimitBytes)
            section.report(key, "is above memory_limit (\(limit))")
        }
        section.finish()
    }

    /// Warns if `max_connections` can never be reached because idle connections must leave memory for one request body.
    func warnOfIdleConnections(_ root: ConfigurationSection) {
        let most = connectionsBesideBody
        guard root.has("max_connections"), maxConnections > most else { return }
        let limits = "memory_limit (\(Quantity.text(bytes: memoryLimitBytes))) and limits.body"
        root.warn(
            "max_connections",
            "accepting pauses at \(most) connections already: more would not leave what one body needs of \(limits)"
        )
    }

    /// Reads `admission`; its `max_wait` must be shorter than `commit_after`.
    mutating func readAdmission(from root: ConfigurationSection) {
        // A streaming client is sent the status 200 after `commit_after`. The wait in the queue must end earlier, so
        // that the client can still be sent the status 429.
        admission.maxWait = min(admission.maxWait, commitAfter * 4 / 5)
        guard let section = root.section("admission") else { return }
        section.read("max_wait", &admission.maxWait, in: .zero ... .seconds(3600))
        section.read(count: "max_queue", &admission.maxQueue, in: 0...1_000_000)
        if let shares = section.section("shares") { admission.shares.read(from: shares) }
        if admission.maxWait >= commitAfter {
            let waits = "\(Quantity.text(admission.maxWait)) is not below commit_after (\(Quantity.text(commitAfter)))"
            section.report("max_wait", waits)
        }
        section.finish()
    }

    /// Reads `session_fields`, the fields by which clients name the session of a request; an empty list switches
    /// sessions off.
    mutating func readSessionFields(from root: ConfigurationSection) {
        let expected = "names of header fields, or body.NAME for members of the body"
        guard let names = root.texts("session_fields", expecting: expected) else { return }
        sessionFields = SessionFields()
        for (name, position) in names {
            guard let problem = sessionFields.add(name) else { continue }
            let shown = ConfigurationSection.printable(name)
            root.reader.report("session_fields[]: '\(shown)' \(problem)", at: position)
        }
    }

    mutating func readLedger(from root: ConfigurationSection) {
        guard let section = root.section("ledger") else { return }
        ledger.path = section.text("path", expecting: "the path of a file").map(root.reader.resolve)
        section.finish()
    }

    /// Reads `log`, and checks that this process can append to the log file or create it.
    mutating func readLog(from root: ConfigurationSection) {
        guard let section = root.section("log") else { return }
        section.read("access", &log.access)
        section.read("engine_errors", &log.engineErrors)
        log.file = section.text("file", expecting: "the path of a file").map(root.reader.resolve)
        if let file = log.file, let problem = root.reader.inspection.logFile(file) {
            section.report("file", "cannot write \(ConfigurationSection.printable(file)): \(problem)")
        }
        section.finish()
    }

    mutating func readCORS(from root: ConfigurationSection) {
        guard let section = root.section("cors") else { return }
        cors.origins = section.origins("origins")
        section.finish()
    }
}

extension QueueShares {
    /// Reads `admission.shares`: what percentage of the slots the lower priority classes get even while higher classes
    /// wait.
    ///
    /// The sum must leave something for the highest class.
    fileprivate mutating func read(from section: ConfigurationSection) {
        section.read(percent: "standard", &standard, in: 0...Self.sumMax)
        section.read(percent: "bulk", &bulk, in: 0...Self.sumMax)
        if standard + bulk > Self.sumMax {
            let key = section.has("bulk") ? "bulk" : "standard"
            section.report(key, "with standard (\(standard)%) and bulk (\(bulk)%), the sum is above \(Self.sumMax)%")
        }
        section.finish()
    }
}

extension Configuration.Timeouts {
    /// Reads the top-level section `timeouts`.
    mutating func read(from section: ConfigurationSection) {
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
        section.read("load_wait", &loadWait, in: .zero ... .seconds(86_400))
        section.finish()
    }
}

extension ConfigurationSection {
    /// Returns the value of a key that is a list of origins: each is `*`, or a scheme and a host as in a browser's
    /// `origin` field.
    fileprivate func origins(_ key: String) -> [String] {
        let origins = texts(key, expecting: "origins such as https://chat.example.org") ?? []
        for origin in origins where !Self.isOrigin(origin.text) {
            let message = "\(name(of: key)): '\(Self.printable(origin.text))': expected '*' or SCHEME://HOST[:PORT]"
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
}
