// Decides when reading from an executor pauses because the client is slow.

/// The limit on response bytes that wait for a client to read them; each exchange has its own.
///
/// Reading from the executor pauses when more bytes than the high watermark wait. It resumes when at most half as many
/// wait.
struct OutputWindow: Equatable {
    /// The number of response bytes waiting for the client above which reading from the executor pauses.
    ///
    /// The value is 0 before the response has begun; nothing is relayed then.
    private(set) var highWatermark = 0
    private(set) var isPaused = false

    /// Sets the high watermark; called when the response begins.
    mutating func open(highWatermark: Int) { self.highWatermark = highWatermark }

    /// Records that `buffered` bytes wait for the client.
    ///
    /// - Returns: whether reading from the executor must pause now.
    mutating func pauses(at buffered: Int) -> Bool {
        guard !isPaused, highWatermark > 0, buffered > highWatermark else { return false }
        isPaused = true
        return true
    }

    /// Records that `buffered` bytes still wait for the client.
    ///
    /// - Returns: whether reading from the executor may resume now.
    mutating func resumes(at buffered: Int) -> Bool {
        guard isPaused, buffered <= highWatermark / 2 else { return false }
        isPaused = false
        return true
    }

    /// Resets the window at the end of the exchange.
    ///
    /// - Returns: the high watermark, which is the number of bytes that the caller has reserved in the memory budget
    ///   and now has to release; 0 if none was set.
    mutating func close() -> Int {
        let opened = highWatermark
        self = OutputWindow()
        return opened
    }
}
