import Testing

/// What a test waited for and did not get, with what was there instead.
struct Unmet: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// How long a test waits for what should come at once: on a machine that has much else to do, that takes its time.
///
/// Shorter than what a test gives a server to do the wrong thing in: most such deadlines are 60 s.
let patience = Duration.seconds(30)

/// Asks again, every few milliseconds, until there is an answer; throws once the time is over.
@discardableResult
func eventually<Answer>(
    _ what: @autoclosure () -> String,
    within limit: Duration = patience,
    every pause: Duration = .milliseconds(2),
    _ ask: () async throws -> Answer?
) async throws -> Answer {
    let start = ContinuousClock.now
    while true {
        if let answer = try await ask() { return answer }
        guard ContinuousClock.now - start < limit else { throw Unmet("\(what()): not within \(limit)") }
        try await Task.sleep(for: pause)
    }
}

/// Expects a value that comes with `try` or `await`, and shows both where they differ.
func expect<Value: Equatable>(
    _ seen: Value,
    is expected: Value,
    at location: SourceLocation = #_sourceLocation
) {
    #expect(seen == expected, sourceLocation: location)
}

/// Expects something of a value, and shows the value where it does not hold.
///
/// For values that come with `try` or `await`: of an expression with one of these `#expect` shows nothing but its text.
func expect<Seen>(
    _ seen: Seen,
    _ why: String = "",
    at location: SourceLocation = #_sourceLocation,
    _ holds: (Seen) throws -> Bool
) rethrows {
    let isAsExpected = try holds(seen)
    #expect(isAsExpected, "\(why) \(String(describing: seen).prefix(4000))", sourceLocation: location)
}
