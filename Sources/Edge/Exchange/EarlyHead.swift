// Which head the edge may send to a client before an executor has answered.
internal import HTTP
internal import Inference

/// The form of the response head that the client gets after `commit_after` if no executor has answered by then.
///
/// The form depends on the request alone: on its version, path and fields, and on whether it asks for a stream.
enum EarlyHead: Equatable, Sendable {
    /// No head goes out early: the client waits for the executor's answer.
    case none
    /// The head of an event stream.
    ///
    /// Until the executor's first event arrives, the edge sends comments, or `ping` events in Anthropic's dialect.
    case eventStream
    /// The head of a JSON document.
    ///
    /// Until the executor's document arrives, the edge sends spaces, because JSON allows white space before a document
    /// (RFC 8259 section 2).
    case json

    /// - Parameters:
    ///   - path: The path of the request target.
    ///   - wantsStream: Whether the client has asked for a stream.
    ///   - keepsJSONAlive: The setting `json_keep_alive`.
    init(
        _ head: RequestHead,
        path: ArraySlice<UInt8>,
        dialect: Dialect,
        wantsStream: Bool,
        keepsJSONAlive: Bool
    ) {
        self = .none
        // An early head has no length. So an HTTP/1.0 client takes the end of the connection for the end of the
        // document, and would not notice that a document was cut off.
        let mayHoldJSON = !wantsStream && keepsJSONAlive && head.version != .http10 && !Self.mayBeBinary(path)
        let mayHoldComments = wantsStream && dialect.hasComments
        guard mayHoldJSON || mayHoldComments, !FieldPolicy.refusesComments(head.fields) else { return }
        self = mayHoldJSON ? .json : .eventStream
    }

    /// Whether a segment of the path is `audio` or `images`, where answers are often not JSON.
    private static func mayBeBinary(_ path: ArraySlice<UInt8>) -> Bool {
        path.split(separator: UInt8(ascii: "/")).contains {
            $0.elementsEqual("audio".utf8) || $0.elementsEqual("images".utf8)
        }
    }
}
