// The fields of requests in which clients name sessions.

package import HTTP
package import Routing
internal import Transport

/// The header fields and body members in which clients name a session, such as a conversation, in order of precedence.
package struct SessionFields: Equatable, Sendable {
    private enum Field: Equatable {
        /// A header field that the edge knows by name.
        case known(FieldName)
        /// Another header field, by its name in lower case.
        case header([UInt8])
        /// A member of the body, by its index in `members`.
        case member(Int, isUser: Bool)
    }

    /// The largest number of fields in which clients may name a session.
    package static let countMax = 16
    /// The prefix of a field's name that shows that the field is a member of the body.
    private static let memberPrefix = "body."
    /// The member of the body that names a user, which some clients use to name a session.
    private static let user = "user"

    /// The names of the fields if the configuration lists none.
    ///
    /// Fields that certainly name a session come first. Fields that may name a user instead come last.
    private static let standardNames = [
        "x-session-id", "x-session-affinity", "x-claude-code-session-id", "session-id", "session_id", "conversation_id",
        "body.session_id", "body.prompt_cache_key", "body.metadata.user_id", "body.user",
    ]

    private var fields: [Field] = []
    /// The names of those fields that are members of the body; `JSONScanner.scanRequest` finds these members.
    package private(set) var members = MemberNames()

    /// Makes an empty list, with which no request has a session.
    package init() {}

    /// The fields that are used if the configuration lists none.
    package static let standard: SessionFields = {
        var fields = SessionFields()
        for name in standardNames {
            let problem = fields.add(name)
            precondition(problem == nil, "a standard name of a session field is not valid")
        }
        return fields
    }()

    /// Adds a field.
    ///
    /// - Parameter name: the name of a header field, or `body.` with the name of a member of the body; `body.a.b` is
    ///   the member `b` of the object `a`.
    /// - Returns: the problem with the name; nil if the field was added.
    package mutating func add(_ name: String) -> String? {
        guard fields.count < Self.countMax else { return "is one too many: there may be \(Self.countMax)" }
        if name.hasPrefix(Self.memberPrefix) {
            let path = String(name.dropFirst(Self.memberPrefix.count))
            guard let index = members.add(path) else {
                return
                    "is no member of the body: 'body.NAME' or 'body.NAME.NAME', at most \(MemberNames.countMax) of them"
            }
            fields.append(.member(index, isUser: path == Self.user))
            return nil
        }
        let field = Array(name.lowercased().utf8)
        guard !field.isEmpty, field.allSatisfy(\.isToken) else {
            return "is not the name of a header field, nor 'body.' with the name of a member of the body"
        }
        let known = FieldName(lowercase: field[...])
        if known.isCredential { return "has a secret, and names no session" }
        fields.append(known == .other ? .header(field) : .known(known))
        return nil
    }

    /// The session that a request names: the value of the first field in this object's list that is not empty.
    ///
    /// - Parameters:
    ///   - tenant: the tenant of the request. Sessions of different tenants differ even if they have the same name.
    ///   - hasher: hashes the name together with a random secret of the process.
    package func session(
        of head: FieldBlock,
        _ body: RequestBody,
        _ scan: RequestScan,
        tenant: String,
        hasher: PromptHasher
    ) -> SessionName? {
        for (number, field) in fields.enumerated() {
            let value: ArraySlice<UInt8>?
            switch field {
            case .known(let name): value = head.first(name)
            case .header(let name): value = head.first(named: name)
            case .member(let index, let isUser):
                // An empty string has two bytes, its quotation marks.
                guard index < scan.named.count, scan.named[index].count > 2 else { continue }
                let hash = hasher.hash(body, scan.named[index], salt: "\(number) \(tenant)")
                return SessionName(hash: hash, tenantOfUser: isUser ? hasher.hash([], salt: tenant) : nil)
            }
            if let value, !value.isEmpty {
                return SessionName(hash: hasher.hash(Array(value), salt: "\(number) \(tenant)"))
            }
        }
        return nil
    }
}

extension FieldName {
    /// Whether the field carries a key or a token of the client.
    fileprivate var isCredential: Bool {
        switch self {
        case .authorization, .proxyAuthorization, .xAPIKey, .cookie: true
        default: false
        }
    }
}
