// The content codings of request bodies (`content-encoding`). Coding agents send large prompts compressed.
package import HTTP

/// A content coding that the edge decodes.
package enum ContentCoding: String, Sendable {
    case gzip, zstd

    /// The value of `accept-encoding` in a response with status 415 (RFC 9110 section 15.5.16).
    package static let accepted = "gzip, zstd"

    /// The coding of a body according to the header fields of its request.
    package enum Announced: Equatable, Sendable {
        /// The body is not encoded: `content-encoding` is absent, empty or `identity`.
        case none
        /// The body is in this coding.
        case one(ContentCoding)
        /// The body is in a coding that the edge does not decode, or in several codings.
        case unsupported
    }

    /// Reads the `content-encoding` fields of a request.
    package static func announced(by fields: FieldBlock) -> Announced {
        var found = Announced.none
        for index in 0..<fields.count where fields.known(index) == .contentEncoding {
            for item in fields.value(index).split(separator: UInt8(ascii: ",")) {
                let name = String(decoding: item, as: UTF8.self).lowercased().filter { !" \t".contains($0) }
                if ["", "identity"].contains(name) { continue }
                // `x-gzip` is the old name of `gzip` (RFC 9110 section 8.4.1.3).
                let coding = ContentCoding(rawValue: name == "x-gzip" ? "gzip" : name)
                guard let coding, found == .none else { return .unsupported }
                found = .one(coding)
            }
        }
        return found
    }
}
