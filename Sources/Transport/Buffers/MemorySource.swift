// What decides how much memory each connection may use, and for which purposes.

/// The purpose for which a `MemoryAccount` charges memory.
///
/// The `MemorySource` limits the memory of all request bodies together, so that some memory stays free for connections.
package enum MemoryUse: Sendable {
    /// A request body.
    ///
    /// While memory for bodies is short, the `MemorySource` refuses this use if other bodies already wait for memory.
    case bodies
    /// A request body that may get memory although other bodies wait for memory.
    ///
    /// Such a body has waited itself, has arrived completely, or cannot wait, because there is no memory for the bytes
    /// that would arrive during the wait.
    ///
    /// Once granted, the bytes count as `bodies`, and are given back as `bodies`. The same is true of `wholeBody` and
    /// `lastBody`.
    case waitingBody
    /// A small request body that has arrived completely; it may exceed the limit for all bodies together.
    case wholeBody
    /// The one request body that may exceed the limit for all bodies together, so that it can arrive completely.
    case lastBody
    /// Everything except request bodies: streams, header sections, responses, output.
    case streams
    /// Memory for bytes of a response that wait for the client, beyond the minimum that every response gets.
    ///
    /// The `MemorySource` refuses this use before it refuses `streams`, so that memory remains for later streams of the
    /// same connection.
    case shares
}

/// Grants memory to accounts.
///
/// All workers share one source. An account asks for stream memory only in multiples of `MemoryAccount.grain`. For a
/// request body, the account asks for the exact number of bytes.
package protocol MemorySource: AnyObject, Sendable {
    /// Grants `bytes` more to an account that has already been granted `held` bytes for this use.
    ///
    /// - Parameter isTrusted: whether the account belongs to a connection from a trusted proxy.
    /// - Returns: false, and grants nothing, if no memory is free or the account would exceed its limit.
    func grant(_ bytes: Int, beyond held: Int, for use: MemoryUse, isTrusted: Bool) -> Bool
    /// Counts `bytes` that are allocated already, even if the limit is then exceeded.
    func take(_ bytes: Int)
    /// Stops counting `bytes` that `grant` or `take` has counted.
    func giveBack(_ bytes: Int, of use: MemoryUse)
}
