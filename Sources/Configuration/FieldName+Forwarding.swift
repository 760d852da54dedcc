// The header fields that are never forwarded from a client to an executor, whatever the settings say, and the reasons.
package import HTTP
internal import Transport

extension FieldName {
    /// Returns the reason why a field is never forwarded; nil if the settings may forward the field.
    ///
    /// - Parameter name: The name of the field, in lower case.
    package static func whyNeverForwarded(_ name: ArraySlice<UInt8>) -> String? {
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

    /// Fields that this server sets itself, handles itself (such as `expect`) or uses for framing.
    private static let own: Set<FieldName> = [
        .acceptEncoding, .cdnLoop, .contentEncoding, .contentLength, .expect, .host, .priority, .requestID, .via,
        .setCookie,
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

    /// Whether a field name contains an underscore, or a word that is usual for credentials, such as `key` or `token`.
    ///
    /// An underscore suffices, because a proxy in front of an engine may treat it as a hyphen. The result is false for
    /// `idempotency-key`, which is not a credential.
    ///
    /// - Parameter name: The name of the field, in lower case.
    package static func holdsCredential(_ name: ArraySlice<UInt8>) -> Bool {
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

    /// Whether a word is usual for credentials, such as `key`, or ends in a usual word, such as `accesskey`.
    private static func isCredentialWord(_ word: ArraySlice<UInt8>) -> Bool {
        let span = word.span
        func ends(in end: StaticString) -> Bool {
            let length = end.utf8CodeUnitCount
            return span.count >= length && span.extracting(last: length).equals(end)
        }
        guard span.count >= 3 else { return false }
        // The last letter is compared first to save time, because about a dozen fields of each request are checked
        // here.
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
