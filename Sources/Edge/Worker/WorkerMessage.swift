// The messages that other threads post to a worker's mailbox.
package import Routing
package import Transport

/// A message to one worker; posted from any thread, and handled on the worker's thread.
package enum WorkerMessage: Sendable {
    /// The lame duck period has begun: health checks are answered with 503, but all other requests are still served.
    case leave
    /// Accept no new connections, and close each connection as soon as it has no request under way.
    ///
    /// From now on, health checks are answered with 503. If this message comes after `handOver`, the worker has already
    /// stopped accepting connections, and the answer to health checks does not change, because a new process serves.
    case drain
    /// A new process accepts connections on the same sockets: accept only the connections that already wait in the
    /// backlogs.
    ///
    /// Open connections end in a way that clients do not notice (`ConnectionDrain.handedOver`). The worker ends after
    /// its last connection.
    case handOver
    /// The time for the drain is over: end all exchanges now, streams with an error event.
    ///
    /// The connections have 1 s to send their last bytes. Then the worker closes them and ends its event loop.
    case expire
    /// End all exchanges now, streams with an error event; a faster form of `expire`.
    ///
    /// The connections have 50 ms to send their last bytes. Then the worker closes them and ends its event loop.
    case cut
    /// End the event loop at once, even if exchanges are under way.
    case stop
    /// Use this snapshot for new requests; the dictionary has the sockets of the snapshot's listeners.
    case adopt(Snapshot, [ListenerKey: ListenerSet])
    /// Answer a question that `WorkerSurvey` asks all workers.
    ///
    /// The number identifies the question. The closure makes the answer on the worker's thread.
    case ask(Int, @Sendable (Worker) -> any Sendable)
    /// Store this number in the worker's handle, which shows `WorkerWatch` that the event loop is not blocked.
    case showTurn(Int)
    /// Health probes have found this engine dead. End the attempts at it that are lost (`Attempt.isLost`).
    ///
    /// While the edge reads from the engine, an attempt is lost if no byte of its answer has arrived for a certain
    /// time, or if the answer has not begun and the connection of the last probe was refused, reset or closed.
    ///
    /// Posted again after each further probe that fails.
    case engineDied(Engine, EngineDeath)
    /// A connection that another worker has accepted, on the listener with this key.
    ///
    /// The sender has already counted the connection for the process (`ProcessState.takeRoom`) and for the receiving
    /// worker. `hold` counts the connection against the limits of its client's address; it is nil if the connection is
    /// not counted (`Worker.holdConnection`).
    case serve(Socket, peer: SocketAddress, listener: ListenerKey, hold: AddressHold?)
    /// The exchange that this `SlabKey` identifies no longer waits for an executor; `WaitEnd` says how the wait ended.
    case waitEnded(exchange: SlabKey, WaitEnd)
    /// Request bodies wait for memory: refuse requests whose bodies arrive slowly, until enough memory is free.
    case refuse(SlowBodies)
    /// The scan thread has finished its work on the request body of the exchange that this `SlabKey` identifies.
    case scanned(exchange: SlabKey, ScanOutcome)
}
