// The deadlines of an HTTP/2 session with a client. The connection has a single timer, which is set to the earliest
// deadline.
internal import Transport

/// Deadlines on the event loop's clock; `Nanoseconds.max` means that a deadline is not set.
struct HTTP2ServerDeadlines {
    /// When the client must have acknowledged the server's SETTINGS.
    var settings: Nanoseconds
    /// When the header block that is arriving must be complete.
    var headers: Nanoseconds = .max
    /// When the server sends the shutdown notice, a first GOAWAY that still allows new streams.
    ///
    /// The deadline is set if the client opens further streams after this process has handed over to a successor
    /// process.
    var shutdownNotice: Nanoseconds = .max
    /// When the server sends the final GOAWAY, which follows the shutdown notice and allows no new streams.
    var finalGoaway: Nanoseconds = .max
    /// When a connection without streams closes.
    var idle: Nanoseconds = .max
    /// Streams that are reset at the time `due`, unless they end earlier.
    var resets: [(stream: HTTP2ServerStream, due: Nanoseconds)] = []

    init(settings: Nanoseconds) { self.settings = settings }

    /// The earliest deadline.
    var next: Nanoseconds {
        var due = min(min(min(settings, headers), min(finalGoaway, idle)), shutdownNotice)
        for entry in resets { due = min(due, entry.due) }
        return due
    }
}
