// A JSON answer that is relayed as it comes, since it is too large to be held: what it says is read meanwhile.

package struct LargeDocument: Sendable {
    private var digest = JSONDigest()

    package init() {}

    package mutating func take(_ piece: Span<UInt8>) { digest.take(piece) }

    /// What the document says; not valid when it is not one whole document.
    package func scan(with scanner: JSONScanner) -> AnswerScan {
        guard digest.isWhole else { return AnswerScan() }
        let kept = digest.kept
        return scanner.scanAnswer(kept.span)
    }
}
