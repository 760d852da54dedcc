// The faults that the executor simulator commits on demand, such as a connection that closes too early.

/// The faults of one request: at most one that ends the response (`ending`), and any number of others.
package struct Faults: Sendable, Equatable {
    /// How a response ends, or why there is no response.
    ///
    /// The associated value of a case is the number of token events after which the response ends; 0 ends the response
    /// before the first event. For `status` and `redirect`, the associated value is the status code of the response.
    package enum Ending: Sendable, Equatable {
        /// The connection closes normally (FIN), but the body is incomplete.
        ///
        /// On HTTP/2 the stream is reset.
        case dieAfter(Int)
        /// Half of the next event is written.
        ///
        /// Then the connection closes normally (FIN); on HTTP/2 the stream is reset.
        case cutInside(Int)
        /// The connection closes with a TCP reset.
        case resetAfter(Int)
        /// The body ends normally, but without `finish_reason` and `[DONE]`.
        case endEarly(Int)
        /// Nothing more is sent, and the connection stays open.
        case stallAfter(Int)
        /// An error event is written, then `[DONE]` if the dialect has it.
        case errorEvent(Int)
        /// An error event is written, then the body ends normally, without `[DONE]`.
        case errorOnly(Int)
        /// An error event that blames the client and contains the address of an engine is written, then `[DONE]` if the
        /// dialect has it.
        case mistakeEvent(Int)
        /// An error is written in a line without `data:`, then the body ends normally.
        case errorLine(Int)
        /// The response is a JSON document that reports an error, although its status is 200.
        case errorDocument
        /// The response has this status and a JSON error body.
        case status(Int)
        /// No response is sent.
        case noAnswer
        /// The connection closes before a response is sent.
        case closeBeforeHead
        /// The response is not HTTP.
        case garbageHead
        /// A response that is not streamed stops in the middle of its body; a stream stops in the middle of its first
        /// token event.
        case cutJSON
        /// The stream ends normally, but its last event, such as `[DONE]`, is missing.
        case noDone
        /// The response ends as vLLM ends it on SIGTERM.
        ///
        /// The finish reason of chat and completions is `abort`. The stop reason of Anthropic's messages is null.
        case aborted
        /// The response ends normally, but its `finish_reason` or `stop_reason` is null.
        case noReason
        /// With this fault, a streamed response has only its last event, and any other response has an empty body.
        case onlyEnd
        /// The response redirects with this status, 307 or 308, to the same path with a trailing slash.
        ///
        /// A request for the path with the slash is served as if it had no such fault.
        case redirect(Int)
    }

    /// How the response ends; nil for a normal end.
    package var ending: Ending?
    /// Whether a comment line of server-sent events is written before each event.
    package var hasComments = false
    /// Whether lines end in CR LF.
    package var hasCRLF = false
    /// Whether each event is written in three pieces.
    package var isSplit = false
    /// How many consecutive events are written together, as one chunk (HTTP/1.1) or DATA frame (HTTP/2), at least 1.
    ///
    /// If the value is nil, each event is written separately. `.max` joins the whole stream. Fewer events are written
    /// together if they reach 256 KiB, or if the stream ends or stalls.
    package var coalescedEvents: Int?
    /// The length in bytes, at least 1, of the pieces into which the stream is cut; nil if the stream is not cut.
    ///
    /// Each piece is a separate write.
    package var splitEvery: Int?
    /// The offsets at which the stream is also cut, in bytes from the beginning of the stream.
    package var splitAt: [Int] = []
    /// Whether the final LF of the last written event is omitted.
    package var lacksLastLF = false
    /// The length of the text in the first token event, in bytes; nil if the event has the text of a generated token.
    package var hugeEvent: Int?
    /// The length of the text in a response that is not streamed, in bytes; nil if the response has the text of the
    /// generated tokens.
    package var bigBody: Int?
    /// Whether the response head of a stream lacks `content-type`.
    package var lacksLabel = false
    /// Whether the simulator goes on with the response after the client has disconnected.
    package var ignoresClose = false

    /// A value without any fault.
    package init() {}

    /// Parses one fault such as `die_after:3`, or several faults separated by commas.
    ///
    /// - Throws: an error with a sentence that says what is wrong.
    package init(_ text: String) throws(Malformed) {
        for part in text.split(separator: ",") { try add(String(part)) }
    }

    /// The error that is thrown for a text that names no fault, or whose number is not valid for its fault.
    package struct Malformed: Error, CustomStringConvertible {
        package var description: String
    }

    /// The names of all faults, for help and error messages.
    package static let names = [
        "die_after:N", "cut_inside:N", "reset_after:N", "end_early:N", "stall_after:N", "error_event:N", "error_only:N",
        "mistake_event:N", "error_line:N", "error_document", "status:CODE", "no_answer", "close_before_head",
        "garbage_head", "cut_json", "no_done", "comments", "crlf", "aborted", "no_reason", "only_end",
        "redirect:307|308", "no_label", "split", "split_every:BYTES", "split_at:OFFSET", "coalesce", "coalesce:EVENTS",
        "no_last_lf", "huge_event:BYTES", "big_body:BYTES", "ignore_close",
    ]

    /// For the name of each fault that ends a response, the function that makes the `Ending`.
    ///
    /// The function gets the number after the colon in a text such as `die_after:3`, or 0 if the text has no number. It
    /// returns nil if the number is out of range.
    private static let endings: [String: @Sendable (Int) -> Ending?] = [
        "die_after": { .dieAfter($0) },
        "cut_inside": { .cutInside($0) },
        "reset_after": { .resetAfter($0) },
        "end_early": { .endEarly($0) },
        "stall_after": { .stallAfter($0) },
        "error_event": { .errorEvent($0) },
        "error_only": { .errorOnly($0) },
        "mistake_event": { .mistakeEvent($0) },
        "error_line": { .errorLine($0) },
        "error_document": { _ in .errorDocument },
        "status": { 200..<600 ~= $0 ? .status($0) : nil },
        "no_answer": { _ in .noAnswer },
        "close_before_head": { _ in .closeBeforeHead },
        "garbage_head": { _ in .garbageHead },
        "cut_json": { _ in .cutJSON },
        "no_done": { _ in .noDone },
        "aborted": { _ in .aborted },
        "no_reason": { _ in .noReason },
        "only_end": { _ in .onlyEnd },
        "redirect": { [307, 308].contains($0) ? .redirect($0) : nil },
    ]

    /// The faults that only set a property to true: each name with its property.
    private static let switches: [String: any WritableKeyPath<Faults, Bool> & Sendable] = [
        "comments": \.hasComments,
        "crlf": \.hasCRLF,
        "split": \.isSplit,
        "no_last_lf": \.lacksLastLF,
        "no_label": \.lacksLabel,
        "ignore_close": \.ignoresClose,
    ]

    /// Adds the fault that a text such as `die_after:3` names.
    ///
    /// - Throws: an error with a sentence that says what is wrong.
    package mutating func add(_ text: String) throws(Malformed) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let number = parts.dropFirst().first.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        guard let name = parts.first, parts.count == 1 || number != nil else {
            throw Malformed(description: "'\(text)' is no fault: its number is no number")
        }
        if let ending = Self.endings[name]?(number ?? 0) {
            self.ending = ending
        } else if let isOn = Self.switches[name] {
            self[keyPath: isOn] = true
        } else if !addForm(name, number) {
            throw Malformed(description: "'\(text)' is no fault; there are \(Self.names.joined(separator: ", "))")
        }
    }

    /// Adds a fault that sets a number, such as `split_every:100`; if `number` is nil, the fault has a default.
    ///
    /// - Returns: false if none of these faults has this name.
    private mutating func addForm(_ name: String, _ number: Int?) -> Bool {
        switch name {
        case "coalesce": coalescedEvents = max(1, number ?? .max)
        case "split_every": splitEvery = max(1, number ?? 1)
        case "split_at": splitAt.append(number ?? 0)
        case "huge_event": hugeEvent = min(number ?? 0, 64 << 20)
        case "big_body": bigBody = min(number ?? 0, 256 << 20)
        default: return false
        }
        return true
    }

    /// Whether events are cut into pieces.
    var cutsEvents: Bool { isSplit || splitEvery != nil || !splitAt.isEmpty }

    /// Whether an event may have to wait for later events, or for the end of the stream, before it is written.
    var holdsEventsBack: Bool { coalescedEvents != nil || lacksLastLF }

    /// How many token events are written before the fault ends the response; nil if the fault does not end a stream
    /// early.
    var endsAfter: Int? {
        switch ending {
        case .dieAfter(let count), .cutInside(let count), .resetAfter(let count), .endEarly(let count),
            .stallAfter(let count), .errorEvent(let count), .errorOnly(let count), .mistakeEvent(let count),
            .errorLine(let count):
            count
        case .cutJSON, .errorDocument: 0
        default: nil
        }
    }
}
