// The faults that the simulated executor commits on request.

/// The faults of one request: at most one that ends the response, and any number of ways to write its events.
package struct Faults: Sendable, Equatable {
    /// How the response ends, or why there is none.
    ///
    /// Numbers count token events: at 0 none has been written.
    package enum Ending: Sendable, Equatable {
        /// The connection closes in order, but the body does not end. On HTTP/2 the stream is reset.
        case dieAfter(Int)
        /// Half of the next event is written, then the connection closes as with `dieAfter`.
        case cutInside(Int)
        /// The connection closes with a TCP reset.
        case resetAfter(Int)
        /// The body ends in order, with neither `finish_reason` nor `[DONE]`.
        case endEarly(Int)
        /// Nothing more is sent, and the connection stays open.
        case stallAfter(Int)
        /// An error event is written, then `[DONE]` if the dialect has it.
        case errorEvent(Int)
        /// An error event is written, then the body ends in order.
        case errorOnly(Int)
        /// An error event that blames the client and has an address in its text is written, then as with `errorEvent`.
        case mistakeEvent(Int)
        /// An error is written in a line that is not a field of an event, then the body ends in order.
        case errorLine(Int)
        /// The response is a JSON document that reports an error, with status 200.
        case errorDocument
        /// The response has this status and a JSON body.
        case status(Int)
        /// No response is sent.
        case noAnswer
        /// The connection closes before a response.
        case closeBeforeHead
        /// The response is not HTTP.
        case garbageHead
        /// A body that is not streamed stops in its middle; a stream ends as with `cutInside(0)`.
        case cutJSON
        /// The body ends in order after `finish_reason`, or in other dialects before the last event.
        case noDone
        /// Chat and completions end with the reason `abort`, messages without a reason, as vLLM's do on SIGTERM.
        case aborted
        /// Chat, completions and messages end in order with the reason null.
        case noReason
        /// A stream consists of its last event only, and any other response is empty.
        case onlyEnd
        /// The response redirects with status 307 or 308 to the same path with a slash behind it, which is served.
        case redirect(Int)
    }

    /// How the response ends; nil for its regular end.
    package var ending: Ending?
    /// Whether a comment is written before each event.
    package var hasComments = false
    /// Whether lines end in CR LF.
    package var hasCRLF = false
    /// Whether each event is written in three pieces.
    package var isSplit = false
    /// How many consecutive events are written in one chunk (HTTP/1.1) or DATA frame (HTTP/2), at least 1; nil for one.
    ///
    /// `.max` joins the whole stream. Joined events are written before the end, and when they have 256 KiB.
    package var coalescedEvents: Int?
    /// The size in bytes of the pieces into which the stream is cut, at least 1; each piece is a write of its own.
    package var splitEvery: Int?
    /// Further offsets in bytes from the beginning of the stream at which it is cut.
    package var splitAt: [Int] = []
    /// Whether the last event that is written lacks its last byte, if that is an LF.
    package var lacksLastLF = false
    /// The length in bytes of the text of the first token event.
    package var hugeEvent: Int?
    /// The length in bytes of the text of a response that is not streamed.
    package var bigBody: Int?
    /// Whether the head of a stream has no content type.
    package var lacksLabel = false
    /// Whether a client that leaves is not noticed, so that the request runs to its end.
    package var ignoresClose = false

    /// Makes no faults.
    package init() {}

    /// Reads one fault such as `die_after:3`, or several that are separated by commas.
    ///
    /// - Throws: A sentence that says what is wrong.
    package init(_ text: String) throws(Malformed) {
        for part in text.split(separator: ",") { try add(String(part)) }
    }

    /// A text that names no fault.
    package struct Malformed: Error, CustomStringConvertible {
        package var description: String
    }

    /// The names of all faults, for help and messages.
    package static let names = [
        "die_after:N", "cut_inside:N", "reset_after:N", "end_early:N", "stall_after:N", "error_event:N", "error_only:N",
        "mistake_event:N", "error_line:N", "error_document", "status:CODE", "no_answer", "close_before_head",
        "garbage_head", "cut_json", "no_done", "comments", "crlf", "aborted", "no_reason", "only_end",
        "redirect:307|308", "no_label", "split", "split_every:BYTES", "split_at:OFFSET", "coalesce", "coalesce:EVENTS",
        "no_last_lf", "huge_event:BYTES", "big_body:BYTES", "ignore_close",
    ]

    /// Adds the fault that a text names.
    ///
    /// - Throws: A sentence that says what is wrong.
    package mutating func add(_ text: String) throws(Malformed) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        let number = parts.count == 2 ? Int(parts[1]).flatMap { $0 >= 0 ? $0 : nil } : nil
        guard let name = parts.first, parts.count == 1 || number != nil else {
            throw Malformed(description: "'\(text)' is no fault: its number is no number")
        }
        guard addEnding(name, number ?? 0) || addForm(name, number) else {
            throw Malformed(description: "'\(text)' is no fault; there are \(Self.names.joined(separator: ", "))")
        }
    }

    /// Sets the ending.
    ///
    /// - Returns: false if no ending has this name.
    private mutating func addEnding(_ name: String, _ count: Int) -> Bool {
        switch name {
        case "die_after": ending = .dieAfter(count)
        case "cut_inside": ending = .cutInside(count)
        case "reset_after": ending = .resetAfter(count)
        case "end_early": ending = .endEarly(count)
        case "stall_after": ending = .stallAfter(count)
        case "error_event": ending = .errorEvent(count)
        case "error_only": ending = .errorOnly(count)
        case "mistake_event": ending = .mistakeEvent(count)
        case "error_line": ending = .errorLine(count)
        case "error_document": ending = .errorDocument
        case "status" where 200..<600 ~= count: ending = .status(count)
        case "no_answer": ending = .noAnswer
        case "close_before_head": ending = .closeBeforeHead
        case "garbage_head": ending = .garbageHead
        case "cut_json": ending = .cutJSON
        case "no_done": ending = .noDone
        case "aborted": ending = .aborted
        case "no_reason": ending = .noReason
        case "only_end": ending = .onlyEnd
        case "redirect" where [307, 308].contains(count): ending = .redirect(count)
        default: return false
        }
        return true
    }

    /// Adds a way to write events.
    ///
    /// - Returns: false if no way to write events has this name.
    private mutating func addForm(_ name: String, _ number: Int?) -> Bool {
        switch name {
        case "comments": hasComments = true
        case "crlf": hasCRLF = true
        case "split": isSplit = true
        case "coalesce": coalescedEvents = max(1, number ?? .max)
        case "split_every": splitEvery = max(1, number ?? 1)
        case "split_at": splitAt.append(number ?? 0)
        case "no_last_lf": lacksLastLF = true
        case "no_label": lacksLabel = true
        case "ignore_close": ignoresClose = true
        case "huge_event": hugeEvent = min(number ?? 0, 64 << 20)
        case "big_body": bigBody = min(number ?? 0, 256 << 20)
        default: return false
        }
        return true
    }

    /// The number of token events after which the ending comes; nil if it does not come inside of a stream.
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
