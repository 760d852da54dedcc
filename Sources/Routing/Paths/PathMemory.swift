// What the answers of an executor have shown about the paths that it serves. All workers share this state.
internal import Synchronization
package import Transport

/// The paths that an executor has been found to lack, for a limited time, and the paths that it has served.
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
    /// The function takes the lock only if `missingBits` contains a path of `paths`. It cannot return true without
    /// the lock, because `missingBits` may still contain a path that was found missing more than `duration` ago.
    ///
    /// - Parameter losses: how often the engine has been taken out of use because of failures.
    func lacks(_ paths: PathSet, losses: Int, at now: Nanoseconds) -> Bool {
        guard missingBits.load(ordering: .relaxed) & paths.rawValue != 0 else { return false }
        return change(losses: losses, at: now) { state in state.missing.contains { !$0.path.isDisjoint(with: paths) } }
    }

    /// Records that the executor has answered with an error, such as status 404, that may mean a missing path.
    ///
    /// If the executor has served the path before, the error is ignored, because a client may have caused it, for
    /// example with the id of an object that does not exist.
    ///
    /// - Returns: whether the path is now remembered as missing.
    func isMissing(_ path: PathSet, losses: Int, at now: Nanoseconds) -> Bool {
        guard !path.isEmpty else { return false }
        return change(losses: losses, at: now) { state in
            guard state.served.isDisjoint(with: path) else { return false }
            state.missing.removeAll { $0.path == path }
            state.missing.append((path, now + Self.duration))
            return true
        }
    }

    /// Records that the executor has served a request at the path.
    ///
    /// Takes a lock only for the first such request, and for the first one after each ejection of the engine.
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
    /// Whether `PathMemory` remembers at `now` that the executor lacks the path of a request.
    func lacks(_ path: PathSet, at now: Nanoseconds) -> Bool { paths.lacks(path, losses: engine.losses, at: now) }

    /// Records that the executor has answered with an error, such as status 404, that may mean a missing path.
    ///
    /// - Returns: whether the pools send no requests at this path to the executor for some time; false if the executor
    ///   has served the path before, or if `path` is empty.
    package func saidMissing(_ path: PathSet, at now: Nanoseconds) -> Bool {
        paths.isMissing(path, losses: engine.losses, at: now)
    }

    /// Records that the executor has answered a request at the path without an error.
    package func answered(at path: PathSet, at now: Nanoseconds) {
        paths.answered(path, losses: engine.losses, at: now)
    }
}

extension PoolMember {
    /// Whether the configuration allows the member to serve the path, and the executor has not been found to lack it.
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
