// What a pool remembers about the executors that its requests have gone to.

/// The part of a pool that knows which executors have a prompt in their cache, served a session or stored a response.
///
/// The pool keeps this part when the configuration changes.
struct PlacementState: Sendable {
    /// The executor to which the latest request of a session was sent, or that has made a response.
    struct Home: Equatable, Sendable {
        /// The id of the executor.
        var executor: Int
        /// How often the executor's engine had been ejected when this `Home` was recorded (`Engine.losses`).
        ///
        /// If the engine has been ejected since, it may have been restarted, so it counts as having lost its cache and
        /// its stored responses.
        var losses: Int
    }

    /// Whether a tenant's requests have named one user or several.
    private enum Users: Equatable {
        case one(UInt64)
        case several
    }

    /// The largest numbers of sessions, of tenants whose requests name a user, and of responses that a pool remembers.
    static let sessionsMax = 16_384, tenantsMax = 1024, responsesMax = 16_384

    var map: PlacementMap
    /// How fast the executors compute prompts, by their ids.
    var rates: [Int: PrefillRate] = [:]
    /// The ids of the executors that have said in an answer how many tokens of the prompt were in their cache.
    var reporting: Set<Int> = []
    /// For each executor that has never reported cached tokens, by its id: how many of its answers should have reported
    /// them.
    ///
    /// An answer should report cached tokens if the pool believed that more than half of the prompt was cached.
    var unreported: [Int: Int] = [:]
    private var sessions = RecentTable<Home>(countMax: sessionsMax)
    private var users = RecentTable<Users>(countMax: tenantsMax)
    private var responses = RecentTable<Home>(countMax: responsesMax)
    /// The executors that are believed to have a beginning of the present request's prompt in their cache.
    ///
    /// Each choice of an executor fills the array anew. It is a property so that a choice allocates no memory.
    var matches: [PlacementMap.Match] = []

    /// Makes a state that remembers nothing.
    ///
    /// - Parameter memory: where the memory of `map`, which knows the prompts in the executors' caches, is counted.
    init(memory: (any PlacementMemory)? = nil) { map = PlacementMap(memory: memory) }

    /// Forgets all executors except those with these ids.
    mutating func keep(_ ids: Set<Int>) {
        map.keep(ids)
        rates = rates.filter { ids.contains($0.key) }
        reporting.formIntersection(ids)
        unreported = unreported.filter { ids.contains($0.key) }
        sessions.keep { ids.contains($0.executor) }
        responses.keep { ids.contains($0.executor) }
    }

    // MARK: Sessions

    /// The executor to which the latest request of a session was sent; nil if the pool does not know it.
    ///
    /// If a request names no session, the user whom it names counts as its session, unless the tenant's requests always
    /// name the same user.
    mutating func home(of session: SessionName) -> Home? {
        if let tenant = session.tenantOfUser, !hasSeveralUsers(tenant, with: session.hash) { return nil }
        return sessions.value(session.hash)
    }

    /// Records the executor to which a request of a session is sent, so that the session's next request can go to the
    /// same executor.
    mutating func record(_ session: SessionName, at executor: Executor) {
        if let tenant = session.tenantOfUser, !hasSeveralUsers(tenant, with: session.hash) { return }
        sessions.set(session.hash, to: Home(executor: executor.id, losses: executor.engine.losses))
    }

    private mutating func hasSeveralUsers(_ tenant: UInt64, with user: UInt64) -> Bool {
        switch users.value(tenant) {
        case .several: return true
        case .one(user): return false
        case .one:
            users.set(tenant, to: .several)
            return true
        case nil:
            users.set(tenant, to: .one(user))
            return false
        }
    }

    // MARK: Stored responses

    /// The executor that has made the stored response whose id has this hash; nil if the pool does not know it.
    ///
    /// A request that continues a stored response goes to this executor, if the executor can be used.
    mutating func maker(of response: UInt64) -> Home? { responses.value(response) }

    /// Records that an executor has made a response, which it may have stored for later requests.
    mutating func record(response: UInt64, by executor: Executor) {
        responses.set(response, to: Home(executor: executor.id, losses: executor.engine.losses))
    }
}
