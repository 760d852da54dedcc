// Reads an executor's JSON response that is relayed as it arrives, because it is too large to be held in memory, or
// because there is no memory to hold it.

/// Reduces one response to a small document that has only the members that report an error, a finish reason or the
/// usage.
///
/// `JSONDigest` makes the small document, and limits its size.
package struct LargeDocument: Sendable {
    private var digest = JSONDigest()

    /// Makes a reader that has not read anything yet.
    package init() {}

    /// Takes the next bytes of the response.
    package mutating func take(_ piece: Span<UInt8>) { digest.take(piece) }

    /// Scans the small document to which the response was reduced; `isValid` of the result is false if the response is
    /// not exactly one document.
    package func scan(with scanner: JSONScanner) -> AnswerScan {
        guard digest.isWhole else { return AnswerScan() }
        let kept = digest.kept
        return scanner.scanAnswer(kept.span)
    }
}
