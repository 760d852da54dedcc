// What the answers of an executor have shown about the paths that it serves. All workers share this state.
internal import Synchronization
package import Transport

/// The paths that an executor has been found to lack, for a limited time, and the paths at which it has answered.
///
/// When the engine fails and is taken out of use (an ejection), all remembered paths are forgotten, because the engine
/// may then have been restarted with another version or with other options.
struct PathMemory: ~Copyable, Sendable {
    /// How long a path is remembered as missing: 10 minutes.
    static let duration: Nanoseconds = 600_000_000_000

    private struct State: Sendable {
        /// The paths that the executor lacks; after the time `until`, requests for the path are sent to it again.
        var missing: [(path: PathSet, until: Nanoseconds)] = []
        var served: PathSet = []
        /// How often the engine had been ejected when this state was last used.
        ///
        /// If the engine has been ejected again, the next use of the state first empties `missing` and `served`.
        var losses = 0
    }
    private let state = Lock(State())
    /// Copies of the sets of paths in `state`, which are read without a lock for each choice of an executor and each
    /// good answer.
    private let missingBits = Atomic<UInt32>(0), servedBits = Atomic<UInt32>(0)
    /// A copy of `State.losses`, the number of the engine's ejections, which is read without the lock.
    private let lossesSeen = Atomic<Int>(0)

    /// Whether the executor has been found to lack a path of `paths`.
    ///
    /// The function takes the lock only if `missingBits` contains a path of `paths`. A path whose time has passed may
    /// still be in `missingBits`.
    ///
    /// - Parameter losses: how often the engine has been taken out of use because of failures.
    func lacks(_ paths: PathSet, losses: Int, at now: Nanoseconds) -> Bool {
        guard missingBits.load(ordering: .relaxed) & paths.rawValue != 0 else { return false }
        return change(losses: losses, at: now) { state in state.missing.contains { !$0.path.isDisjoint(with: paths) } }
    }

    /// Records that the executor has said that it does not have a path.
    ///
    /// If the executor has answered at the path before, the error is ignored. Clients may cause such an error, for
    /// example with the id of an object that does not exist.
    ///
    /// - Returns: whether the path is remembered as missing.
    func isMissing(_ path: PathSet, losses: Int, at now: Nanoseconds) -> Bool {
        guard !path.isEmpty else { return false }
        return change(losses: losses, at: now) { state in
            guard state.served.isDisjoint(with: path) else { return false }
            state.missing.removeAll { $0.path == path }
            state.missing.append((path, now + Self.duration))
            return true
        }
    }

    /// Records that the executor has answered a request at the path; takes a lock only for the first answer.
    func answered(_ path: PathSet, losses: Int, at now: Nanoseconds) {
        let isKnown = servedBits.load(ordering: .relaxed) & path.rawValue == path.rawValue
        if isKnown, lossesSeen.load(ordering: .relaxed) == losses { return }
        _ = change(losses: losses, at: now) { state in
            state.served.formUnion(path)
            state.missing.removeAll { $0.path == path }
            return true
        }
    }

    private func change(losses: Int, at now: Nanoseconds, _ body: (inout State) -> Bool) -> Bool {
        state.withLock { state in
            if state.losses != losses {
                state.missing = []
                state.served = []
                state.losses = losses
            }
            state.missing.removeAll { $0.until <= now }
            let result = body(&state)
            let missing = state.missing.reduce(into: PathSet()) { $0.formUnion($1.path) }
            missingBits.store(missing.rawValue, ordering: .relaxed)
            servedBits.store(state.served.rawValue, ordering: .relaxed)
            lossesSeen.store(losses, ordering: .relaxed)
            return result
        }
    }
}

extension Executor {
    /// Whether the executor has been found to lack the path of a request within the last `PathMemory.duration`.
    func lacks(_ path: PathSet, at now: Nanoseconds) -> Bool { paths.lacks(path, losses: engine.losses, at: now) }

    /// Records that the executor has said that it does not have a path.
    ///
    /// - Returns: whether the pools send no requests at this path to the executor for some time; false if the executor
    ///   has answered at the path before, or if `path` is empty.
    package func saidMissing(_ path: PathSet, at now: Nanoseconds) -> Bool {
        paths.isMissing(path, losses: engine.losses, at: now)
    }

    /// Records that the executor has answered a request at the path.
    package func answered(at path: PathSet, at now: Nanoseconds) {
        paths.answered(path, losses: engine.losses, at: now)
    }
}

extension PoolMember {
    /// Whether the member has the path of a request, by the configuration and by what its executor has answered.
    func hasPath(_ path: PathSet, at now: Nanoseconds) -> Bool {
        paths.isSuperset(of: path) && !executor.lacks(path, at: now)
    }
}

extension ExecutorPool {
    /// How many members have the path of a request, and how many lack it although the configuration allows it.
    ///
    /// A member lacks an allowed path if its executor has answered that it does not have the path. Members that are
    /// unhealthy, drained or without weight count, too.
    package func pathCounts(_ path: PathSet, at now: Nanoseconds) -> (have: Int, foundToLack: Int) {
        let have = members.count { $0.hasPath(path, at: now) }
        return (have, members.count { $0.paths.isSuperset(of: path) } - have)
    }
}
