// Which compression the body of a request has (`content-encoding`). Coding agents send large prompts compressed.
package import HTTP

/// A content coding (compression of a body) that the edge can decode.
package enum ContentCoding: String, Sendable {
    case gzip, zstd

    /// The codings that a response with status 415 offers in `accept-encoding` (RFC 9110 section 15.5.16).
    package static let accepted = "gzip, zstd"

    /// What the header fields of a request say about the coding of its body.
    package enum Announced: Equatable, Sendable {
        /// The body has no coding: `content-encoding` is absent, empty or `identity`.
        case none
        /// The body has this one coding.
        case one(ContentCoding)
        /// The body has a coding that the edge cannot decode, or several codings.
        case unsupported
    }

    /// Reads the `content-encoding` fields of a request to find the coding of its body.
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
