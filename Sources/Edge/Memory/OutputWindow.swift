// When reading an executor pauses because its client is slow.

/// The bounds of what may wait for a client: reading the executor pauses above the high watermark, and resumes at half.
///
/// A value of the exchange, on its worker.
struct OutputWindow: Equatable {
    /// In bytes; 0 before the response has begun, when nothing is relayed.
    private(set) var highWatermark = 0
    private(set) var isPaused = false

    /// Sets the high watermark, when the response begins.
    mutating func open(highWatermark: Int) { self.highWatermark = highWatermark }

    /// Notes that so many bytes wait.
    ///
    /// - Returns: whether reading the executor must pause now.
    mutating func pauses(at buffered: Int) -> Bool {
        guard !isPaused, highWatermark > 0, buffered > highWatermark else { return false }
        isPaused = true
        return true
    }

    /// Notes that so many bytes still wait.
    ///
    /// - Returns: whether reading the executor may resume now.
    mutating func resumes(at buffered: Int) -> Bool {
        guard isPaused, buffered <= highWatermark / 2 else { return false }
        isPaused = false
        return true
    }

    /// Ends the window.
    ///
    /// - Returns: the high watermark, which the caller gives back to the budget; 0 where none was set.
    mutating func close() -> Int {
        let opened = highWatermark
        self = OutputWindow()
        return opened
    }
}
