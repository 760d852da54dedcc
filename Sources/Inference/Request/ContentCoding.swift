// The codings that a request body may come in (`content-encoding`): coding agents send large prompts compressed.
package import HTTP

/// One coding, of those that are decoded here.
package enum ContentCoding: String, Sendable {
    case gzip, zstd

    /// The value of `accept-encoding` in a 415 (RFC 9110 section 15.5.16).
    package static let accepted = "gzip, zstd"

    /// What a request's fields say of its body's coding.
    package enum Announced: Equatable, Sendable {
        /// The body is as it is: no field, or `identity`.
        case none
        case one(ContentCoding)
        /// Another coding, or several on top of each other.
        case unsupported
    }

    package static func announced(by fields: FieldBlock) -> Announced {
        var found = Announced.none
        for index in 0..<fields.count where fields.known(index) == .contentEncoding {
            for item in fields.value(index).split(separator: UInt8(ascii: ",")) {
                let name = String(decoding: item, as: UTF8.self).lowercased().filter { $0 != " " && $0 != "\t" }
                if name.isEmpty || name == "identity" { continue }
                // RFC 9110 section 8.4.1.3: the old name of the same coding.
                let coding = ContentCoding(rawValue: name == "x-gzip" ? "gzip" : name)
                guard let coding, found == .none else { return .unsupported }
                found = .one(coding)
            }
        }
        return found
    }
}
