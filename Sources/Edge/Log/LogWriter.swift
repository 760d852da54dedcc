// Writes whole log lines to a descriptor that may be full, closed or without a reader, and counts the lines that are
// lost.
internal import CLinux
internal import Glibc

/// Writes batches of lines; confined to the log thread.
struct LogWriter {
    /// A function that writes some of the given bytes.
    ///
    /// The function returns the number of bytes written, a negative errno, or 0 if the descriptor stayed full for too
    /// long.
    typealias Write = (UnsafeRawBufferPointer) -> Int

    /// The unwritten rest of a line that was written only in part.
    ///
    /// The next write begins with this rest, so that the reader gets the complete line.
    private(set) var rest: [UInt8] = []

    /// Writes lines, each with its line end, in order.
    ///
    /// - Parameter count: the number of lines.
    /// - Returns: how many lines were lost, and why; nil if none were. A line that was written in part is not lost,
    ///   because `rest` keeps its remainder.
    mutating func write(_ lines: [UInt8], count: Int, to write: Write) -> LogLoss? {
        if let code = unsafe writeRest(to: write) { return LogLoss(lines: count, code: code) }
        var sent = 0
        while sent < lines.count {
            let step = unsafe lines.withUnsafeBytes { unsafe write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard step > 0 else { return lose(lines, from: sent, code: CInt(-step)) }
            sent += step
        }
        return nil
    }

    /// Writes `rest`, which is what remains of a line that was written in part, before the descriptor is closed.
    ///
    /// - Returns: a loss of one line if the write fails; nil otherwise.
    mutating func finish(to write: Write) -> LogLoss? {
        defer { rest = [] }
        return unsafe writeRest(to: write).map { LogLoss(lines: 1, code: $0) }
    }

    /// Writes `rest`, which is what remains of a line that was written in part.
    ///
    /// - Returns: nil if `rest` was written, the errno of an error, or 0 if the descriptor stayed full for too long.
    private mutating func writeRest(to write: Write) -> CInt? {
        while !rest.isEmpty {
            let step = unsafe rest.withUnsafeBytes { unsafe write($0) }
            guard step > 0 else { return CInt(-step) }
            rest.removeFirst(step)
        }
        return nil
    }

    private mutating func lose(_ lines: [UInt8], from sent: Int, code: CInt) -> LogLoss? {
        var next = sent
        if sent > 0, lines[sent - 1] != UInt8(ascii: "\n") {
            next = (lines[sent...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count - 1) + 1
            rest = Array(lines[sent..<next])
        }
        let lost = lines[next...].reduce(0) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        return LogLoss(lines: lost, code: code)
    }
}
