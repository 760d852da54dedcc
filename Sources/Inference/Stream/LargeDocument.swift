// Reads a JSON response that is too large to be held and is relayed as it arrives.

/// The reduced form of one response; its size is bounded by that of `JSONDigest`.
package struct LargeDocument: Sendable {
    private var digest = JSONDigest()

    /// Makes the reader of a response of which nothing has come yet.
    package init() {}

    /// Takes the next bytes of the response.
    package mutating func take(_ piece: Span<UInt8>) { digest.take(piece) }

    /// Scans what was kept of the response; the result is not valid if the response is not exactly one document.
    package func scan(with scanner: JSONScanner) -> AnswerScan {
        guard digest.isWhole else { return AnswerScan() }
        let kept = digest.kept
        return scanner.scanAnswer(kept.span)
    }
}
