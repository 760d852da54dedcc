import Testing

/// The error that a condition was not met in time; it describes what was found instead.
struct Unmet: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// How long a test waits for something that should happen at once; long enough for a busy machine.
///
/// It is shorter than the server's deadlines in most tests, which are 60 s.
let patience = Duration.seconds(30)

/// Repeats `body` every few milliseconds until it returns a value; throws once `limit` is over.
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

/// Like `#expect(seen == expected)`, but also shows both values if the expression contains `try` or `await`.
func expect<Value: Equatable>(
    _ seen: Value,
    is expected: Value,
    at location: SourceLocation = #_sourceLocation
) {
    #expect(seen == expected, sourceLocation: location)
}

/// Expects a condition of a value, and shows the value if the condition does not hold.
///
/// This is useful for expressions with `try` or `await`, because `#expect` shows only their source text.
func expect<Seen>(
    _ seen: Seen,
    _ why: String = "",
    at location: SourceLocation = #_sourceLocation,
    _ holds: (Seen) throws -> Bool
) rethrows {
    let isAsExpected = try holds(seen)
    #expect(isAsExpected, "\(why) \(String(describing: seen).prefix(4000))", sourceLocation: location)
}
