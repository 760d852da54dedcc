// An entry of the table of addresses counts what the clients at one address or in one network use, such as connections
// and requests.
internal import Configuration
internal import Routing
internal import Transport

/// How many connections, requests and other things the clients at one address or network use.
///
/// The counts are compared with the limits of `limits.per_address`.
///
/// The addresses that share one entry are a group: one IPv4 address, an IPv6 /64, or an IPv6 /48. The type has no lock:
/// `AddressTable` locks the part of the table that contains the entry.
struct AddressEntry: Sendable {
    /// A burst of new connections or requests may be as large as the configured rate allows in this many seconds.
    ///
    /// A burst of 10 s lets many clients behind one address reconnect together after a restart.
    static let burstSeconds = 10
    /// How many times as high the limits of an IPv6 /48 are as those of one of its /64 networks.
    static let scaleOfNetwork48 = 8
    /// How long an address counts as known after a client at it had a valid key or was served, in nanoseconds: 10
    /// minutes.
    static let knownPeriod: Nanoseconds = 600_000_000_000
    private static let warningPeriod: Nanoseconds = 60_000_000_000

    let group: AddressGroup
    private(set) var held = AddressHoldings(.unknownKey)
    private var newConnections = TokenBucket(period: Nanoseconds(burstSeconds) * 1_000_000_000)
    private var requests = TokenBucket(period: Nanoseconds(burstSeconds) * 1_000_000_000)
    private var unknownKeys = TokenBucket()
    private var resets = ResetBucket()
    /// A bit for each limit about which a warning was written in the minute that began at `warningsBegan`.
    private var warned: UInt8 = 0
    private var warningsBegan: Nanoseconds = 0
    /// The time until which the address counts as known; see `isKnown`.
    private var knownUntil: Nanoseconds = 0
    /// Whether the entry was used since `AddressShard` last looked at it in search of an entry to replace.
    ///
    /// If the table of addresses is full, a new address replaces one that was not used lately.
    var isRecent = true

    init(_ group: AddressGroup) { self.group = group }

    /// Whether the clients of this entry have a connection, a request or a part of a body now.
    ///
    /// While this is true, the entry of another address must not replace this entry, because the counts would be lost.
    var isHeld: Bool { !held.isEmpty }

    /// Whether a client of the address had a valid key or was served by an executor in the last 10 minutes.
    ///
    /// If the table of addresses is full, unknown addresses are removed from it before known ones.
    func isKnown(at now: Nanoseconds) -> Bool { now < knownUntil }

    /// Records that a client of the address had a valid key or was served by an executor.
    mutating func noteKnown(at now: Nanoseconds) {
        isRecent = true
        knownUntil = now + Self.knownPeriod
    }

    /// The time until which requests from the addresses of this entry are refused, because clients gave up too many.
    ///
    /// The value is 0 or in the past if requests are not refused.
    var resetsRefusedUntil: Nanoseconds { resets.refusedUntil }

    /// Counts a request that its client gave up before the answer began.
    ///
    /// - Returns: true if requests from the addresses of this entry are refused from now on, and the caller must warn
    ///   the operator; true at most once a minute, so false does not mean that requests are served.
    mutating func countReset(of most: Int, at now: Nanoseconds) -> Bool {
        isRecent = true
        return resets.count(of: most, at: now)
    }

    /// Counts a claim, such as one more connection or request, unless a limit forbids it.
    ///
    /// - Parameter scale: the factor by which all limits are multiplied.
    /// - Returns: nil if the claim is counted; otherwise the refusal, and nothing is counted.
    mutating func take(
        _ claim: AddressClaim,
        limits: AddressLimits,
        scale: Int,
        at now: Nanoseconds
    ) -> AddressRefusal? {
        isRecent = true
        guard let (limit, wait) = refusal(of: claim, limits, scale, now) else {
            held += AddressHoldings(claim)
            return nil
        }
        return AddressRefusal(limit: limit, wait: wait, group: group, isNews: isNews(limit, now))
    }

    /// Subtracts the counts of a connection, a TLS handshake, a request or a request body that has ended.
    mutating func release(_ holdings: AddressHoldings) {
        held -= holdings
        precondition(
            held.connections >= 0 && held.handshakes >= 0 && held.streams >= 0 && held.bodyBytes >= 0,
            "an address gives back more than it holds"
        )
    }

    /// Undoes what `take` counted for a claim, such as one more request.
    ///
    /// Does nothing if this entry has replaced the one that counted the claim, so that `group` is different. This can
    /// happen only with the claim `.unknownKey`, because an entry is not replaced while `held` counts something, and
    /// this claim adds nothing to `held`.
    mutating func undo(_ claim: AddressClaim, of group: AddressGroup) {
        guard group == self.group else { return }
        release(AddressHoldings(claim))
        switch claim {
        case .connection: newConnections.giveBack(1)
        case .request: requests.giveBack(1)
        case .unknownKey: unknownKeys.giveBack(1)
        case .body: break
        }
    }

    private mutating func refusal(
        of claim: AddressClaim,
        _ limits: AddressLimits,
        _ scale: Int,
        _ now: Nanoseconds
    ) -> (AddressLimit, Nanoseconds)? {
        func isReached(_ limit: Int?, by count: Int) -> Bool { limit.map { count > $0 * scale } ?? false }
        switch claim {
        case .connection(let isSecure):
            if isReached(limits.connections, by: held.connections + 1) { return (.connections, 0) }
            if isSecure, isReached(limits.handshakes, by: held.handshakes + 1) { return (.handshakes, 0) }
            return Self.take(&newConnections, limits.newConnections, scale * Self.burstSeconds, now)
                .map { (.newConnections, $0) }
        case .request:
            if isReached(limits.streams, by: held.streams + 1) { return (.streams, 0) }
            return Self.take(&requests, limits.requests, scale * Self.burstSeconds, now).map { (.requests, $0) }
        case .body(let bytes):
            return isReached(limits.bodyBytes, by: held.bodyBytes + bytes) ? (.bodyBytes, 0) : nil
        case .unknownKey:
            return Self.take(&unknownKeys, limits.unknownKeys, scale, now).map { (.unknownKeys, $0) }
        }
    }

    private static func take(
        _ bucket: inout TokenBucket,
        _ limit: Int?,
        _ scale: Int,
        _ now: Nanoseconds
    ) -> Nanoseconds? {
        limit.flatMap { bucket.take(1, of: $0 * scale, at: now) }
    }

    private mutating func isNews(_ limit: AddressLimit, _ now: Nanoseconds) -> Bool {
        if now >= warningsBegan + Self.warningPeriod || warned == 0 { (warned, warningsBegan) = (0, now) }
        let bit: UInt8 = 1 << UInt8(limit.index)
        defer { warned |= bit }
        return warned & bit == 0
    }
}
