// The messages that other threads post to a worker's mailbox.
package import Routing
package import Transport

/// A message to one worker; posted from any thread, handled on the worker's.
package enum WorkerMessage: Sendable {
    /// The process will end soon: health checks are answered with 503, everything else goes on.
    case leave
    /// Accept no new connections; those that are open end after their requests.
    case drain
    /// `drain_timeout` is over: exchanges under way end now, streams with an error event, and then the worker ends.
    case expire
    /// The same as `expire`, except that the connections have only 50 ms to send what is left.
    case cut
    /// End at once.
    case stop
    /// Requests that begin from now on use this snapshot of the configuration, whose listeners have these sockets.
    case adopt(Snapshot, [ListenerKey: ListenerSet])
    /// A question of `WorkerSurvey` with its number; the closure answers it on the worker's thread.
    case ask(Int, @Sendable (Worker) -> any Sendable)
    /// Show in the handle that the loop turns, by this number (`WorkerWatch`).
    case showTurn(Int)
    /// The health probes of an engine find it dead, so attempts that wait for the engine are lost. Posted again with
    /// each further probe.
    case engineDied(Engine, EngineDeath)
    /// A connection that another worker has accepted, on the listener with this key.
    ///
    /// Room has been taken for it, and it is counted at this worker's handle.
    case serve(Socket, peer: SocketAddress, listener: ListenerKey)
    /// The exchange with this key has waited for an executor, and this is how its wait has ended.
    case waitEnded(exchange: SlabKey, WaitEnd)
    /// The body of the exchange with this key has been decoded and scanned by the scan thread.
    case scanned(exchange: SlabKey, ScanOutcome)
}
