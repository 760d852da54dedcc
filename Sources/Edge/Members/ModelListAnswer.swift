// What an engine's answer to the question for its models is: a list, or something that changes nothing.
internal import Configuration

/// An answer to `GET /v1/models`, classified.
enum ModelListAnswer: Equatable {
    /// The most bytes of its body.
    static let bodyBytesMax = 4 << 20

    /// A list of models, which may be empty.
    case list(EngineListing)
    /// Nothing that can be used; the text says what, worded to follow the engine's URL and `it`.
    case unusable(String)

    /// Classifies a whole answer.
    ///
    /// - Parameter server: the value of its field `server`.
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
        // Two servers that discovered each other would keep each other's models, and pass requests to and fro.
        self =
            listing.isThisServer ? .unusable("is a server like this one: name its models in the file") : .list(listing)
    }
}

extension EngineListing {
    /// What the operator should know of the models that are not used; nil where all are.
    var warning: String? {
        var parts: [String] = []
        if surplusCount > 0 { parts.append("\(surplusCount) of its models are beyond the most of \(Self.modelsMax)") }
        if unusableCount > 0 { parts.append("\(unusableCount) of its models have no usable name or come twice") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ") + ": they are left out"
    }
}
