// What the entries of all models say of the engines that they name: two of them must not contradict each other.

/// A place in one of the files of a configuration.
struct ConfigurationPlace {
    let position: Position
    let reader: ConfigurationReader

    func report(_ message: String) { reader.report(message, at: position) }

    /// How a message at `other` names it.
    func seen(from other: ConfigurationPlace) -> String {
        reader === other.reader ? "on line \(position.line)" : "at \(reader.file):\(position.line)"
    }
}

/// Entries with the same URL, key and authority mean the same engine, whatever models they are of.
///
/// `auto` contradicts nothing: what another entry says holds for all.
struct EngineClaims {
    private struct Claim {
        var value: String
        var place: ConfigurationPlace
    }
    let own: OwnAddresses
    private var kinds: [EngineDescription.Identity: Claim] = [:]
    private var protocols: [EngineDescription.Identity: Claim] = [:]

    init(own: OwnAddresses) {
        self.own = own
    }

    /// Compares an entry with those that were read before it, and reports what contradicts one of them.
    mutating func check(_ settings: ExecutorSettings, read section: ConfigurationSection) {
        if let own = own.name(of: settings.url) {
            let message = "\(settings.url) is this server's own \(own): requests would come back to it without end"
            section.reader.report("\(section.name("url")): \(message)", at: section.place("url"))
        }
        let identity = EngineDescription.Identity(settings)
        if settings.kind != .auto {
            Self.check("kind", settings.kind.rawValue, section, &kinds[identity])
        }
        if settings.wireProtocol != .auto {
            Self.check("protocol", settings.wireProtocol.rawValue, section, &protocols[identity])
        }
    }

    private static func check(
        _ key: String,
        _ value: String,
        _ section: ConfigurationSection,
        _ claim: inout Claim?
    ) {
        let place = ConfigurationPlace(position: section.place(key), reader: section.reader)
        guard let claim else {
            claim = Claim(value: value, place: place)
            return
        }
        guard claim.value != value else { return }
        let other = claim.place.seen(from: place)
        place.report("\(section.name(key)): '\(value)' contradicts '\(claim.value)' of the same engine \(other)")
    }
}
