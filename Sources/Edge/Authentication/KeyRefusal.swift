// Why a request was refused that has no API key, or whose API key is not valid.

/// The reason why a request was refused that has no API key or whose API key is not valid; for the log.
///
/// The client is not told the reason: a response with the status 401 is the same for all reasons.
package enum KeyRefusal: Sendable, Equatable {
    /// The request has no key, but a key is required.
    case missing
    /// The request has a key that cannot be read, or several different keys.
    case unreadable
    /// The store of keys has no key with the hash of the request's key.
    case unknown
    /// The key with this id has been revoked.
    case revoked(String)
    /// The key with this id has expired.
    case expired(String)

    /// The reason in words, for `detail` in the log line.
    var detail: String {
        switch self {
        case .missing: "no key"
        case .unreadable: "no key that can be read, or more than one"
        case .unknown: "unknown key"
        case .revoked: "revoked key"
        case .expired: "expired key"
        }
    }

    /// Whether the client may be guessing keys: the request has no key, several different keys, or a key that is
    /// unreadable or unknown.
    var isGuess: Bool {
        switch self {
        case .missing, .unreadable, .unknown: true
        case .revoked, .expired: false
        }
    }

    /// The public id of the key; nil if the store does not have the key.
    var keyID: String? {
        switch self {
        case .revoked(let id), .expired(let id): id
        case .missing, .unreadable, .unknown: nil
        }
    }
}
