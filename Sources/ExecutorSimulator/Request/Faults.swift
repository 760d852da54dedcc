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

    /// The endings by name, each made with the number behind the colon, which is 0 where there is none; nil where the
    /// number does not fit.
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

    /// The ways to write events that are on or off, by name.
    private static let switches: [String: any WritableKeyPath<Faults, Bool> & Sendable] = [
        "comments": \.hasComments,
        "crlf": \.hasCRLF,
        "split": \.isSplit,
        "no_last_lf": \.lacksLastLF,
        "no_label": \.lacksLabel,
        "ignore_close": \.ignoresClose,
    ]

    /// Adds the fault that a text names.
    ///
    /// - Throws: A sentence that says what is wrong.
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

    /// Adds a way to write events that has a number.
    ///
    /// - Returns: false if no such way has this name.
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

    /// Whether events are written in pieces.
    var cutsEvents: Bool { isSplit || splitEvery != nil || !splitAt.isEmpty }

    /// Whether a part of the stream is held back until more of it, or its end, has come.
    var holdsEventsBack: Bool { coalescedEvents != nil || lacksLastLF }

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
