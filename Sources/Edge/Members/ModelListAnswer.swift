// Classifies an engine's answer to the request for its list of models.
internal import Configuration

/// An answer to `GET /v1/models`, classified.
enum ModelListAnswer: Equatable {
    /// The largest body of an answer that is accepted, in bytes.
    static let bodyBytesMax = 4 << 20

    /// A list of models, which may be empty.
    case list(EngineListing)
    /// An answer that cannot be used.
    ///
    /// The text says why, as the rest of a sentence that begins with the engine: "did not answer within 5 s".
    case unusable(String)

    /// Classifies a complete answer.
    ///
    /// - Parameter server: the value of the answer's header field `server`; nil if it is absent.
    init(status: Int, body: [UInt8], server: String?) {
        switch status {
        case 200: break
        case 401, 403:
            self = .unusable("wants another key (status \(status))")
            return
        case 300..<400:
            self = .unusable("answered with a redirect (status \(status)), which is not followed")
            return
        default:
            self = .unusable("answered with status \(status)")
            return
        }
        guard let listing = EngineListing(body: body, server: server) else {
            self = .unusable("answered with something that is no list of models")
            return
        }
        // An engine that is an edge itself is refused. If two edges listed each other's models, a removed model would
        // never disappear, and requests for it would circulate between the edges.
        self =
            listing.isThisServer ? .unusable("is a server like this one: name its models in the file") : .list(listing)
    }
}

extension EngineListing {
    /// A warning about listed models that are not used; nil if all are used.
    var warning: String? {
        var parts: [String] = []
        if surplusCount > 0 { parts.append("\(surplusCount) of its models are beyond the most of \(Self.modelsMax)") }
        if unusableCount > 0 { parts.append("\(unusableCount) of its models have no usable name or come twice") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ") + ": they are left out"
    }
}
