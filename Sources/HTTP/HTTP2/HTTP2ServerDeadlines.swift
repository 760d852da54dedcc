// What an HTTP/2 session with a client waits for, and until when. The connection has one timer, set to the next of
// them.
internal import Transport

/// Deadlines in the loop's clock; `Nanoseconds.max` for one that is not set.
struct HTTP2ServerDeadlines {
    /// The client has to acknowledge our SETTINGS.
    var settings: Nanoseconds
    /// The header block that is arriving has to be whole.
    var headers: Nanoseconds = .max
    /// The shutdown notice has had its time, and the final GOAWAY follows.
    var notice: Nanoseconds = .max
    /// A connection without streams closes.
    var idle: Nanoseconds = .max
    /// Streams that are reset if they have not ended by then.
    var resets: [(stream: HTTP2ServerStream, due: Nanoseconds)] = []

    init(settings: Nanoseconds) { self.settings = settings }

    /// The earliest of them.
    var next: Nanoseconds {
        var due = min(min(settings, headers), min(notice, idle))
        for entry in resets { due = min(due, entry.due) }
        return due
    }
}
