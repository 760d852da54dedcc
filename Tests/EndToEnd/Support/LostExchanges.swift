import Testing

/// Expects that no exchange of these log lines failed before its first event.
///
/// Streams that a client aborts at the end of its run are not failures.
func expectNoneLost(_ lines: [JSON], sourceLocation: SourceLocation = #_sourceLocation) {
    let lost = lines.filter { line in
        guard line.end.string != "complete", line.end.string != "client_left" else { return false }
        return line.status.int != 200 || (line.events.int ?? 0) == 0
    }
    let words = lost.prefix(3).map { "\($0.end) after \($0.attempts) attempts, \($0.failed_attempts)" }
    #expect(lost.isEmpty, "\(lost.count) of \(lines.count): \(words)", sourceLocation: sourceLocation)
}
