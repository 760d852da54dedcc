// The header fields that an operator lets pass to an executor (`forward_fields`), and those that no setting can let
// pass.
internal import HTTP
internal import Inference
internal import Transport

/// The fields of a client's request that an executor is sent in addition to those that every executor is sent.
///
/// Resolved once for each executor; immutable.
package struct ForwardedFields: Sendable, Equatable {
    private let exact: [[UInt8]]
    /// Prefixes of names, without the `*`.
    private let prefixes: [[UInt8]]
    /// Whether the executor is sent the client's `user-agent`.
    let hasUserAgent: Bool

    /// Combines the settings of several sections of the configuration.
    ///
    /// - Parameter settings: The sections from the most general to the executor's own. All their fields pass; the last
    ///   section with a `user_agent` decides about that one.
    package init(_ settings: [ForwardSettings]) {
        let names = settings.flatMap(\.fields)
        exact = names.filter { !$0.hasSuffix("*") }.map { Array($0.utf8) }
        prefixes = names.filter { $0.hasSuffix("*") }.map { Array($0.utf8.dropLast()) }
        hasUserAgent = settings.compactMap(\.userAgent).last ?? true
    }

    /// Whether a field passes whose name `FieldName` does not know, in lower case.
    func has(_ name: ArraySlice<UInt8>) -> Bool {
        // SDKs and agents send about a dozen of these with each request.
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

/// The settings of one section of the configuration about a client's fields.
package struct ForwardSettings: Sendable, Equatable {
    /// Names in lower case; one that ends in `*` is the prefix of names.
    package var fields: [String] = []
    /// Whether `user-agent` passes; nil if the section does not say so.
    package var userAgent: Bool?
    /// The settings of a section that says nothing.
    package init() {}
}

extension FieldName {
    /// The reason why no setting may let the field pass, for a message of `check`; nil if a setting may.
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

    /// Fields that this server sets, answers or needs for the framing.
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

    /// Whether one of the words of the name says that the field may hold a credential.
    ///
    /// A name with an underscore always counts as one: a server before the engine may read the underscore as a hyphen.
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

    /// Whether the word is one for credentials or ends in one, such as `accesskey` and `sessiontoken`.
    private static func isCredentialWord(_ word: ArraySlice<UInt8>) -> Bool {
        let span = word.span
        func ends(in end: StaticString) -> Bool {
            let length = end.utf8CodeUnitCount
            return span.count >= length && span.extracting(last: length).equals(end)
        }
        guard span.count >= 3 else { return false }
        // The last letter decides which words are compared: this runs for a dozen fields of each request.
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
