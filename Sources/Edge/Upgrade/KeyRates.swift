// Reports to the main process from a process that was replaced in an upgrade: how much its remaining exchanges use of
// the rate limits of API keys.
internal import Inference
internal import Routing
internal import Transport

/// What the requests of each API key have used of the key's rate limits since the last report, by the id of the key.
///
/// A process that was replaced in an upgrade sends such reports to the main process at short intervals, because its
/// exchanges still use tokens, and give back tokens that were reserved for them.
struct KeyRates: Equatable, Sendable {
    /// The largest number of API keys in a report.
    private static let keysMax = 100_000

    private var keys: [String: KeyRateUse] = [:]
    /// What all callers without an API key together have used of their rate limits since the last report.
    private var anonymous = KeyRateUse()

    /// Makes a report of what API keys, and callers without a key, have used since the last report.
    ///
    /// The first report covers what they have used since this process captured the state (`InheritedState`) that it
    /// passed to its successor.
    ///
    /// - Returns: nil if neither a key nor a caller without a key has used anything.
    init?(takenFrom access: Authenticator) {
        for entry in access.keys?.current.all ?? [] {
            if let use = entry.use.takeUnreported() { keys[entry.key.id] = use }
        }
        anonymous = access.anonymousUse.takeUnreported() ?? KeyRateUse()
        if keys.isEmpty, anonymous == KeyRateUse() { return nil }
    }

    /// Adds the use in this report, which another process has sent, to the use that this process has counted.
    ///
    /// Keys that this process does not know are ignored.
    ///
    /// - Parameter now: the present time by the clock of the event loops.
    func add(to access: Authenticator, at now: Nanoseconds) {
        access.anonymousUse.add(anonymous, access.anonymousLimits, at: now)
        guard !keys.isEmpty else { return }
        for entry in access.keys?.current.all ?? [] {
            if let use = keys[entry.key.id] { entry.use.add(use, entry.key.limits, at: now) }
        }
    }

    // MARK: JSON

    /// The report as a JSON object on one line.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.list("keys", keys.prefix(Self.keysMax)) { writer, entry in
            writer.field("id", entry.key)
            Self.write(entry.value, to: &writer)
        }
        writer.key("anonymous")
        writer.beginObject()
        Self.write(anonymous, to: &writer)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ use: KeyRateUse, to writer: inout JSONWriter) {
        writer.field("requests", use.requests)
        writer.field("tokens", use.tokens)
    }

    /// Reads a report; a number that is missing or not valid counts as 0.
    init(_ json: JSONValue) {
        for entry in (json["keys"]?.array ?? []).prefix(Self.keysMax) {
            if let id = entry["id"]?.string { keys[id] = Self.use(entry) }
        }
        if let use = json["anonymous"] { anonymous = Self.use(use) }
    }

    private static func use(_ json: JSONValue) -> KeyRateUse {
        // The limits on the numbers keep their sums from overflowing.
        let most = 1 << 50
        let requests = min(max(0, json["requests"]?.integer ?? 0), most)
        return KeyRateUse(requests: requests, tokens: min(max(-most, json["tokens"]?.integer ?? 0), most))
    }
}
