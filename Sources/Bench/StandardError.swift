// Writes lines to stderr by a system call, so that the benches need not link Foundation.
internal import Glibc

/// Prints the messages of a bench on stderr, because stdout is for its results.
enum StandardError {
    /// Writes one line, and adds the line end.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = unsafe write(2, bytes, bytes.count)
    }
}
