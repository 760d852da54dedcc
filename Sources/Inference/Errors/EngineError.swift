// An error as an engine reported it, before the edge interprets it.
//
// Which file of this folder answers which question:
//
//   Is there an error in a response or event with status 200?      Sources/CJSON/error_patterns.cpp
//   Which members of a response describe an error?                 EngineError+Shapes.swift
//   What does the error mean, and what does the client get?        EngineError+Meaning.swift
//   Which meanings are there?                                      ErrorMeaning.swift
//   What does a type, a code or a status mean?                     ErrorCodeTable.swift
//   What does a message in plain English mean?                     ErrorMessage.swift, sentence by sentence:
//     Does it say that a model is missing, that a path is          ErrorSentence+Model.swift, ErrorSentence+Path.swift,
//     missing, that the edge's API key or account is wrong?        ErrorSentence+Account.swift
//     How is a message cut into sentences and words?               SentenceTokenizer.swift
//   When may the engine be asked again?                            RetryAfter.swift
//   Which parts of a text may the client see?                      ErrorRedaction.swift
//   What can go wrong with an exchange at all?                     Failure.swift, FailureKind.swift
//   How does a failure look in the client's dialect?               FailureRendering.swift
//
// An error passes through these files in this order. If a response has a status of 400 or above, or a scan finds an
// error, an `EngineError` is made from the bytes. `classified(in:)` looks the error up in the code table, and reads the
// message where the code, the type and the status say too little. The result is a `Failure`, which says whether another
// executor may try the request, and whether the executor is at fault. The failure is logged, and rendered for the
// client.

/// An error that an engine reported in the body of a response, in an event or in a line of a stream.
///
/// Engines report errors in many shapes. An error in any shape is read into this value, and `classified(in:)`
/// determines what the error means.
package struct EngineError: Equatable, Sendable {
    /// The status of the response that carried the error; nil if the status was 200.
    package var status: Int?
    /// The status from 400 to 599 that the error itself names, as a JSON number or as a string of digits; nil if none.
    package var namedStatus: Int?
    /// The error's type, at most 256 bytes; nil if the error has none.
    package var type: String?
    /// The error's code, at most 256 bytes, if it is a word or a number that is not a status; otherwise nil.
    package var code: String?
    /// The member of the request that the error is about, at most 256 bytes; nil if the error names none.
    package var param: String?
    /// The error's message, cut to `messageMax` bytes; nil if the error has none.
    package var message: String?
    /// How long the engine asks not to be called, in milliseconds, within `RetryAfter.bounds`; nil if it does not ask.
    package var retryAfterMs: Int?
    /// The JSON document that reported the error; nil if it was larger than `bodyMax` or not JSON.
    package private(set) var document: JSONBody?

    /// The largest number of bytes of a response or an event that are read to find its error.
    package static let bodyMax = 64 << 10
    /// The largest number of bytes of an error's message that are kept.
    package static let messageMax = 8 << 10
    /// The length in bytes to which an error's type, code and parameter are cut.
    private static let wordMax = 256

    /// A JSON document as bytes and as a parsed value, boxed so that an `EngineError` without a document stays small.
    package indirect enum JSONBody: Equatable, Sendable {
        case bytes([UInt8], JSONValue)
    }

    /// Makes an error from its parts.
    package init(
        status: Int? = nil,
        namedStatus: Int? = nil,
        type: String? = nil,
        code: String? = nil,
        param: String? = nil,
        message: String? = nil,
        retryAfterMs: Int? = nil
    ) {
        self.status = status
        self.namedStatus = namedStatus
        self.type = type
        self.code = code
        self.param = param
        self.message = message
        self.retryAfterMs = retryAfterMs
    }

    /// Reads the error in the body of a response, or in an event of a stream.
    ///
    /// - Parameters:
    ///   - status: The status of the response; nil for 200.
    ///   - body: The bytes of the body or the event. Only the first `bodyMax` bytes are read; if a JSON document is
    ///     longer, the error is read from the part within these bytes.
    ///   - isBare: Whether `body` is an event whose error is in a line that is not a `data` line.
    package init(status: Int? = nil, body: Span<UInt8>, isBare: Bool = false) {
        self.status = status
        let bytes = EventLines.text(of: body.extracting(first: Self.bodyMax), isBare: isBare)
        guard let first = bytes.first else { return }
        if let value = JSONValue(parsing: bytes) {
            if body.count <= Self.bodyMax { document = .bytes(bytes, value) }
            read(value, depth: 0)
        } else if let value = JSONValue(parsingCut: bytes) {
            read(value, depth: 0)
        } else if first != UInt8(ascii: "<"), bytes.count <= Self.messageMax {
            // An HTML page is not used as a message.
            message = String(validating: bytes, as: UTF8.self)
        }
        shorten()
        if retryAfterMs == nil { retryAfterMs = message.flatMap { RetryAfter.milliseconds(in: $0) } }
    }

    /// Cuts the type, the code, the parameter and the message to their maximum lengths.
    private mutating func shorten() {
        func first(_ count: Int, of text: String?) -> String? {
            guard let text, text.utf8.count > count else { return text }
            var bytes = Array(text.utf8.prefix(count))
            // The cut must not leave half of a character.
            while let last = bytes.last, last & 0xC0 == 0x80 { bytes.removeLast() }
            if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
            return String(decoding: bytes, as: UTF8.self)
        }
        message = first(Self.messageMax, of: message)
        type = first(Self.wordMax, of: type)
        code = first(Self.wordMax, of: code)
        param = first(Self.wordMax, of: param)
    }
}
