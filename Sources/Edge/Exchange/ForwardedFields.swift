// The header fields that an operator lets through to an executor (`forward_fields`), and those that no setting does.
internal import HTTP
internal import Inference
internal import Transport

/// What an executor gets of a client's fields beside those that every executor gets.
package struct ForwardedFields: Sendable, Equatable {
    private let exact: [[UInt8]]
    /// Beginnings of names.
    private let prefixes: [[UInt8]]
    let hasUserAgent: Bool

    /// - Parameter settings: From the common ones to the executor's own. Their fields add up; of `user-agent` the last
    ///   one that says something holds.
    package init(_ settings: [ForwardSettings]) {
        let names = settings.flatMap(\.fields)
        exact = names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) }
        prefixes = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
        hasUserAgent = settings.compactMap(\.userAgent).last ?? true
    }

    /// Whether a field passes whose name is in no list of the edge's.
    func has(_ name: ArraySlice<UInt8>) -> Bool {
        // Of SDKs and agents, a dozen in a request.
        if begins(name, "x-stainless-") || begins(name, "x-codex-") { return !FieldName.holdsCredential(name) }
        return names(name)
    }

    /// Whether the settings name the field.
    func names(_ name: ArraySlice<UInt8>) -> Bool {
        if exact.isEmpty, prefixes.isEmpty { return false }
        guard exact.contains(where: { name.elementsEqual($0) }) || prefixes.contains(where: { name.starts(with: $0) })
        else { return false }
        return FieldName.whyNeverForwarded(name) == nil
    }

    private func begins(_ name: ArraySlice<UInt8>, _ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        return name.count > length && name.span.extracting(first: length).equals(prefix)
    }
}

/// What a section of the configuration says of a client's fields.
package struct ForwardSettings: Sendable, Equatable {
    /// Names in lower case; those that end in `*` are the beginnings of names.
    package var fields: [String] = []
    package var userAgent: Bool?
    package init() {}
}

extension FieldName {
    /// Why no setting forwards a field; nil where one may.
    static func whyNeverForwarded(_ name: ArraySlice<UInt8>) -> String? {
        let known = FieldName(lowercase: name)
        if isHopByHop(known) || own.contains(known) { return "is between the client and this server" }
        if name.contains(UInt8(ascii: "_")) { return "has an underscore, which some servers take for a hyphen" }
        if holdsCredential(name) { return "may hold a credential of the client's: use api_key" }
        let text = String(decoding: name, as: UTF8.self)
        if addresses.contains(text) || addressPrefixes.contains(where: { text.hasPrefix($0) }) {
            return "tells of the client's address, origin or account"
        }
        if engineControls.contains(where: { text.hasPrefix($0) }) {
            return "controls an engine's scheduling, which is not the client's to do"
        }
        return nil
    }

    /// Framed, answered or set by this server.
    private static let own: Set<FieldName> = [
        .acceptEncoding, .contentEncoding, .contentLength, .expect, .host, .priority, .requestID, .via, .setCookie,
    ]
    private static let addresses: Set<String> = [
        "forwarded", "origin", "true-client-ip", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "fastly-client-ip",
        "x-original-forwarded-for", "x-remote-addr", "x-remote-ip", "openai-organization", "openai-project",
        "chatgpt-account-id",
    ]
    private static let addressPrefixes = ["x-forwarded-", "cf-", "access-control-", "x-freeinference-"]
    private static let engineControls = [
        "x-vllm-", "x-data-parallel-rank", "x-gateway-destination-", "x-prefiller-", "x-decoder-",
    ]

    /// Whether the name is one of those that credentials come in, by one of its words.
    ///
    /// A name with an underscore is taken for one: servers before an engine read it as a hyphen.
    static func holdsCredential(_ name: ArraySlice<UInt8>) -> Bool {
        if name.elementsEqual("idempotency-key".utf8) { return false }
        var start = name.startIndex
        for index in name.indices {
            switch name[index] {
            case UInt8(ascii: "_"): return true
            case UInt8(ascii: "-"):
                if isCredentialWord(name[start..<index]) { return true }
                start = index + 1
            default: break
            }
        }
        return isCredentialWord(name[start...])
    }

    /// Also one that ends in such a word: `accesskey`, `sessiontoken`.
    private static func isCredentialWord(_ word: ArraySlice<UInt8>) -> Bool {
        let span = word.span
        func ends(in end: StaticString) -> Bool {
            let length = end.utf8CodeUnitCount
            return span.count >= length && span.extracting(last: length).equals(end)
        }
        guard span.count >= 3 else { return false }
        // Each by its last letter first: a request has a dozen fields whose names have several words.
        switch span[span.count - 1] {
        case UInt8(ascii: "y"): return ends(in: "key")
        case UInt8(ascii: "t"): return ends(in: "jwt") || ends(in: "secret")
        case UInt8(ascii: "h"): return ends(in: "auth")
        case UInt8(ascii: "n"): return ends(in: "token") || ends(in: "authorization")
        case UInt8(ascii: "e"): return ends(in: "cookie") || ends(in: "signature")
        case UInt8(ascii: "d"): return ends(in: "password") || ends(in: "passwd")
        case UInt8(ascii: "r"): return ends(in: "bearer")
        case UInt8(ascii: "l"): return ends(in: "credential")
        case UInt8(ascii: "s"): return ends(in: "credentials")
        case UInt8(ascii: "2"): return ends(in: "cookie2")
        default: return false
        }
    }
}
