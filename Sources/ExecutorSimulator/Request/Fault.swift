// What an executor can do wrong, on request.

/// The faults of one request: at most one that ends it, and any number of ways to write its events.
package struct Faults: Sendable, Equatable {
    /// How the answer ends, or why there is none.
    ///
    /// Numbers count token events; none has been written at 0.
    package enum Ending: Sendable, Equatable {
        /// The connection closes in order, without the end of the body. On HTTP/2 the stream is reset.
        case dieAfter(Int)
        /// Half of the event after these is written, then as `dieAfter`.
        case cutInside(Int)
        /// The connection closes with a TCP reset.
        case resetAfter(Int)
        /// The body ends in order, with neither `finish_reason` nor `[DONE]`.
        case endEarly(Int)
        /// Nothing more comes; the connection stays.
        case stallAfter(Int)
        /// An error event, then `[DONE]` where the dialect has it.
        case errorEvent(Int)
        /// An error event, then the body ends in order.
        case errorOnly(Int)
        /// An error event that blames the client, whose text has an address in it, then as `errorEvent`.
        case mistakeEvent(Int)
        /// An error in a line of its own that is no event, then the body ends in order.
        case errorLine(Int)
        /// A status of 200, and a JSON document that is an error.
        case errorDocument
        /// This status with a JSON body.
        case status(Int)
        case noAnswer
        case closeBeforeHead
        case garbageHead
        /// A body that is not streamed stops in its middle; a stream as `cutInside(0)`.
        case cutJSON
        /// After `finish_reason` (in other dialects: before the last event) the body ends in order.
        case noDone
        /// Chat and completions end with the reason `abort`, messages without one, as vLLM's do on SIGTERM.
        case aborted
        /// Chat, completions and messages end in order with the reason null.
        case noReason
        /// A stream is its last event alone, and any other answer is empty.
        case onlyEnd
        /// 307 or 308 to the same path with a slash behind it, which is answered.
        case redirect(Int)
    }

    package var ending: Ending?
    /// A comment before the first event, and between events.
    package var hasComments = false
    /// Lines end in CR LF.
    package var hasCRLF = false
    /// Each event comes in three writes.
    package var isSplit = false
    /// So many consecutive events come in one chunk (HTTP/1.1) or DATA frame (HTTP/2), at least 1; nil is one each.
    ///
    /// `.max` joins the whole stream. What is joined is written at the latest when it has 256 KiB, and before the end.
    package var coalescedEvents: Int?
    /// The stream is cut after each so many bytes, at least 1; each piece is a write of its own.
    package var splitEvery: Int?
    /// The stream is cut at these offsets in bytes from its beginning, too.
    package var splitAt: [Int] = []
    /// The last event that is written lacks its last byte, if that is an LF.
    package var lacksLastLF = false
    /// The text of the first token event has so many bytes.
    package var hugeEvent: Int?
    /// The text of an answer that is not streamed has so many bytes.
    package var bigBody: Int?
    /// The head of a stream does not say that it is one.
    package var lacksLabel = false
    /// A client that leaves is not noticed: the request runs to its end.
    package var ignoresClose = false

    package init() {}

    /// Reads `die_after:3`, or several with commas between them.
    /// - Throws: a sentence that says what is wrong.
    package init(_ text: String) throws(Malformed) {
        for part in text.split(separator: ",") { try add(String(part)) }
    }

    package struct Malformed: Error, CustomStringConvertible {
        package var description: String
    }

    package static let names = [
        "die_after:N", "cut_inside:N", "reset_after:N", "end_early:N", "stall_after:N", "error_event:N", "error_only:N",
        "mistake_event:N", "error_line:N", "error_document",
        "status:CODE", "no_answer", "close_before_head", "garbage_head", "cut_json", "no_done", "comments", "crlf",
        "aborted", "no_reason", "only_end", "redirect:307|308", "no_label", "split", "split_every:BYTES",
        "split_at:OFFSET", "coalesce", "coalesce:EVENTS",
        "no_last_lf",
        "huge_event:BYTES", "big_body:BYTES", "ignore_close",
    ]

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

    /// - Returns: false when no ending has this name.
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

    /// - Returns: false when no way to write events has this name.
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

    /// After how many token events the ending comes, if it comes inside a stream.
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
