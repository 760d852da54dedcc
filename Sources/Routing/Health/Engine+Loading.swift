// How this server notices that engines load models, and whether requests may wait until a model is loaded.
internal import Synchronization
package import Transport

extension Engine {
    /// Records that the engine has refused or closed a connection without an answer.
    ///
    /// The engine then counts as starting, if engines of its kind accept connections only after they have loaded their
    /// model, and if it has sent nothing since this process began.
    package func refused(at now: Nanoseconds) {
        guard givenKind.listensOnceLoaded, mayBeStarting.load(ordering: .relaxed), lastHeard == 0 else { return }
        availability.change { health, _ in health.starts(at: now) }
    }

    /// Whether the engine reports that it is loading its model, or refuses connections and may be starting.
    package var isLoading: Bool { availability.isLoading }
}

extension Executor {
    /// Whether the model is being loaded, or the engine may be starting, so that a request may wait for the model.
    ///
    /// - Parameter loadWait: how long the request may wait for the model, in nanoseconds; with 0 the result is false.
    ///   An engine that refuses connections counts as one that may be starting until this time has passed since it
    ///   began to refuse them.
    package func awaitsLoad(for loadWait: Nanoseconds, at now: Nanoseconds) -> Bool {
        loadWait > 0
            && (availability.awaitsLoad(for: loadWait, at: now)
                || engine.availability.awaitsLoad(for: loadWait, at: now))
    }

    /// Records that the probes have found that the engine has loaded its model.
    package func engineHasLoaded() {
        guard availability.isLoading else { return }
        availability.change { health, _ in health.hasLoaded() }
    }
}

extension ExecutorPool {
    /// Whether an executor that may serve the request is loading its model, so that the request may wait for it.
    package func awaitsLoad(_ request: RoutingRequest, at now: Nanoseconds) -> Bool {
        request.loadWait > 0
            && members.contains {
                $0.mayTry(request, at: now) && $0.executor.awaitsLoad(for: request.loadWait, at: now)
            }
    }
}
