// Writes lines to stderr, without Foundation.
internal import Glibc

/// Prints the messages of a bench on stderr, because stdout is for the figures of the bench.
enum StandardError {
    /// Writes one line.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe write(2, bytes, bytes.count)
    }
}
