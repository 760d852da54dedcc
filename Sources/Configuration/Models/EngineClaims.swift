// Finds executor entries of a configuration that refer to the same engine and contradict each other.

/// The `kind` and `protocol` of each engine, as set by the configuration entries that have been read so far.
///
/// Two entries with the same `EngineIdentity` refer to the same engine, even if they belong to different models. The
/// value `auto` contradicts no other value. If one of two entries has `auto`, the value of the other entry applies to
/// both.
struct EngineClaims {
    private struct Claim {
        var value: String
        var location: ConfigurationLocation
    }
    private let own: OwnAddresses
    private var kinds: [EngineIdentity: Claim] = [:]
    private var protocols: [EngineIdentity: Claim] = [:]

    init(own: OwnAddresses) {
        self.own = own
    }

    /// Reports an entry that contradicts an earlier entry of the same engine, or whose URL leads to a listener of this
    /// server.
    ///
    /// - Parameter key: The key of the URL in `section`: `url` or `discover`.
    mutating func check(_ settings: ExecutorSettings, at key: String, of section: ConfigurationSection) {
        if let own = own.name(of: settings.url) {
            section.report(
                key,
                "\(settings.url) is this server's own \(own): requests would come back to it without end"
            )
        }
        let identity = EngineIdentity(settings)
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
        let location = ConfigurationLocation(position: section.position(of: key), reader: section.reader)
        guard let claim else {
            claim = Claim(value: value, location: location)
            return
        }
        guard claim.value != value else { return }
        let other = claim.location.described(from: location)
        section.report(key, "'\(value)' contradicts '\(claim.value)' of the same engine \(other)")
    }
}
