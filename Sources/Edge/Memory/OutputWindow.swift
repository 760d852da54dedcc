// How much of an answer may wait for its client before reading the executor pauses.

/// The client takes what it takes: above the high watermark the executor is not read, from half of it on it is again.
struct OutputWindow: Equatable {
    /// In bytes; 0 before the response is committed, when nothing is relayed.
    private(set) var highWatermark = 0
    private(set) var isPaused = false

    mutating func open(highWatermark: Int) { self.highWatermark = highWatermark }

    /// - Returns: whether reading the executor is to pause now.
    mutating func pauses(at buffered: Int) -> Bool {
        guard !isPaused, highWatermark > 0, buffered > highWatermark else { return false }
        isPaused = true
        return true
    }

    /// - Returns: whether reading the executor is to go on now.
    mutating func resumes(at buffered: Int) -> Bool {
        guard isPaused, buffered <= highWatermark / 2 else { return false }
        isPaused = false
        return true
    }

    /// - Returns: what was opened, to be given back.
    mutating func close() -> Int {
        let opened = highWatermark
        self = OutputWindow()
        return opened
    }
}
