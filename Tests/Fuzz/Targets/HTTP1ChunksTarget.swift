// Fuzzes chunked bodies: the data does not depend on the cuts, and our decoder reads what our writer writes.
import HTTP

final class HTTP1ChunksTarget: FuzzTarget {
    static let name = "http1-chunks"

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let choice = input.choice()
        let bytes = input.rest
        let whole = DecodedChunks(bytes, .none, findings)
        findings.expect(whole == DecodedChunks(bytes, .everywhere, findings), "byte by byte: \(shown(bytes))")
        findings.expect(whole == DecodedChunks(bytes, Cuts(choice), findings), "cut: \(shown(bytes))")
        findings.expect(whole.data.count <= whole.consumed, "\(whole.data.count) bytes of \(whole.consumed)")

        // Writes the input as chunks, followed by the start of another message.
        var written: [UInt8] = []
        var cuts = Cuts(choice)
        for piece in cuts.pieces(of: bytes.count) where !piece.isEmpty {
            written += [UInt8](unsafeUninitializedCapacity: HTTP1Writer.chunkHeaderCapacity) { room, count in
                count = HTTP1Writer.writeChunkHeader(piece.count, to: room.baseAddress!)
            }
            written += bytes[piece] + HTTP1Writer.chunkEnd
        }
        written += HTTP1Writer.lastChunk
        let length = written.count
        let again = DecodedChunks(written + Array("GET /".utf8), Cuts(choice &+ 7), findings)
        findings.expect(again.data == bytes, "other data than was written: \(shown(bytes))")
        findings.expect(again.isComplete && again.consumed == length, "\(again.consumed) bytes taken of \(length)")
    }
}

/// The result of decoding one body.
private struct DecodedChunks: Equatable {
    var data: [UInt8] = []
    var isComplete = false
    var error: HTTP1Error?
    /// How many bytes were consumed; 0 after an error, because its position may depend on the cuts.
    var consumed = 0

    init(_ bytes: [UInt8], _ cuts: Cuts, _ findings: Findings) {
        var cuts = cuts
        var decoder = ChunkedDecoder()
        var start = 0
        for piece in cuts.pieces(of: bytes.count) {
            while start < piece.upperBound {
                let given = piece.upperBound - start
                switch decoder.decode(bytes.span.extracting(start..<piece.upperBound)) {
                case .data(let range):
                    findings.expect(!range.isEmpty && range.upperBound <= given, "data at \(range) of \(given)")
                    data += bytes[start + range.lowerBound..<start + range.upperBound]
                    start += range.upperBound
                case .needsMore(let consumed):
                    findings.expect(consumed == given, "\(consumed) of \(given) bytes, and wants more")
                    start = piece.upperBound
                case .end(let taken):
                    findings.expect(taken > 0 && taken <= given, "\(taken) of \(given) bytes to the end")
                    findings.expect(decoder.isComplete, "ended and not complete")
                    isComplete = true
                    consumed = start + taken
                    return
                case .failed(let error):
                    findings.expect(!decoder.isComplete, "failed and complete")
                    self.error = error
                    consumed = bytes.count
                    return
                }
            }
        }
        consumed = bytes.count
    }
}
