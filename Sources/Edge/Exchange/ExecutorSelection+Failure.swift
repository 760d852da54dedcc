// The failure that a client gets when no executor is left to try.
internal import Inference
internal import Routing
internal import Transport

extension ExecutorSelection {
    /// The failure that is reported to the client when nothing is left to try.
    ///
    /// - Parameter refused: The shortest wait that a full pool predicted, in nanoseconds; nil if no pool was full.
    mutating func failure(
        after cause: Cause,
        refused: Nanoseconds?,
        waitIsLeft: Bool,
        at now: Nanoseconds
    ) -> Failure {
        let failed = cause.failure
        if let unserved = pathFailure(after: failed, at: now) { return unserved }
        if isStillLoading(after: cause, at: now) {
            var failure = Failure(.noExecutor, "The model is still being loaded. Try again later.")
            failure.detail = "the model was not loaded within load_wait"
            return failure
        }
        let report = RetryPolicy.report(
            cause.ofPolicy,
            wasFull: refused != nil,
            saysBusy: failed?.charge == .busy || failed?.retry.isSingle == true,
            waitIsLeft: waitIsLeft
        )
        switch report {
        case .failure:
            if let missingPath, failed?.side != .client { return missingPath }
            return failed ?? Failure(.noExecutor)
        case .queueFull: return Failure(.queueFull, waiting: refused ?? Self.waitDefault)
        case .queueTimeout: return Failure(.queueTimeout, waiting: refused ?? predictedWait(at: now))
        case .noExecutor:
            var failure = Failure(.noExecutor)
            let dead = pools.reduce(0) { $0 + $1.members.count { $0.executor.engine.isDead } }
            let all = pools.reduce(0) { $0 + $1.members.count }
            let drained = pools.reduce(0) { $0 + $1.members.count(where: \.executor.isDrained) }
            let order = drained > 0 ? ", \(drained) drained by the operator" : ""
            failure.detail =
                "of \(all) executors \(dead) are dead by their probes\(order), others left out for their faults"
            return failure
        }
    }

    /// Whether the exchange has waited for a model to be loaded, and the model is still not loaded.
    private func isStillLoading(after cause: Cause, at now: Nanoseconds) -> Bool {
        switch cause {
        case .loadWaitOver: return true
        case .failure(let failure): return failure.engineError?.isLoading == true && wait.totalForLoad(at: now) > 0
        case .arrival, .waitOver, .gaveWay: return false
        }
    }

    /// The failure 404 if no executor of any pool serves the request's path; otherwise nil.
    ///
    /// The result is also nil if it is not known which paths the executors serve, or if the last attempt failed for
    /// another reason.
    private mutating func pathFailure(after failed: Failure?, at now: Nanoseconds) -> Failure? {
        // If the last attempt failed with anything but a 404 for a missing path, such as a 501, the client does not get
        // this general 404.
        let isPlain = failed.map { $0.retry == .otherKind && $0.status == 404 } ?? true
        guard !request.path.isEmpty, isPlain else { return nil }
        // A pool has no members until the names of its executors with `resolve: all` or `resolve: srv` are resolved, or
        // while its file of `executors_from` lists no executor. The paths of executors that come later are
        // not known yet.
        guard pools.allSatisfy({ !$0.members.isEmpty }) else { return nil }
        let counts = pools.map { $0.pathCounts(request.path, at: now) }
        guard counts.allSatisfy({ $0.have == 0 }) else { return nil }
        isPathUnserved = true
        var failure = Failure(.notFound)
        let all = pools.reduce(0) { $0 + $1.members.count }
        let found = counts.reduce(0) { $0 + $1.foundToLack }
        failure.detail =
            "of \(all) executors \(all - found) lack the path by 'dialects' or their kind, \(found) by what they answered"
        return failure
    }

    /// The wait that is reported to the client if no pool predicts one, in nanoseconds.
    private static let waitDefault: Nanoseconds = 1_000_000_000

    /// How long a new request for the same model would wait, as its pool predicts; in nanoseconds, at least one second.
    private func predictedWait(at now: Nanoseconds) -> Nanoseconds {
        pools.first?.predictedWait(of: request, at: now) ?? Self.waitDefault
    }
}

extension Failure {
    /// A failure that tells the client to try again after `wait` nanoseconds.
    init(_ kind: Kind, waiting wait: Nanoseconds) {
        self.init(kind, retryAfter: wait.secondsRoundedUp)
        retryAfterMs = Int(wait / 1_000_000)
    }
}
