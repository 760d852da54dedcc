// The errors of the HTTP/1.1 parsers, each with the status and the message that the client gets.

/// The reason why a parser refused the bytes of an HTTP/1.1 message.
///
/// If the message is a request, the client gets a response with `status`. If the message is a response of an executor,
/// the attempt fails. In both cases the connection closes, because the parser does not know where the next message
/// begins.
package struct HTTP1Error: Error, Equatable, Sendable {
    /// The rule that the message breaks.
    package enum Kind: UInt8, CaseIterable, Sendable {
        // Errors in the bytes of a message head.
        case bareLineFeed, bareCarriageReturn, controlCharacter, headTooLarge, tooManyFields, tooManyEmptyLines
        case malformedFieldName, spaceBeforeColon, foldedField
        // Errors in the request line.
        case malformedRequestLine, malformedMethod, malformedTarget, targetTooLong, malformedVersion
        case unsupportedVersion, connectUnsupported
        // Errors in the values of header fields, or in their combination.
        case missingHost, duplicateHost, malformedHost, hostMismatch
        case malformedContentLength, duplicateContentLength, lengthAndTransferEncoding
        case transferEncodingInHTTP10, unsupportedTransferEncoding, unsupportedExpectation, tooManyConnectionOptions
        // Errors in a chunked body.
        case malformedChunkSize, malformedChunkExtension, chunkExtensionsTooLong, malformedChunkEnd
        case malformedTrailer, forbiddenTrailer, trailersTooLarge
        // Errors in the response of an executor.
        case malformedStatusLine, unexpectedUpgrade, unexpectedBody
    }

    /// The rule that the message breaks.
    package let kind: Kind

    /// Makes an error for the broken rule `kind`.
    package init(_ kind: Kind) { self.kind = kind }

    /// The status of the response to a malformed request; 502 for the kinds that occur only in an executor's response.
    package var status: Int {
        switch kind {
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
        case .connectUnsupported, .unsupportedTransferEncoding: 501
        case .malformedStatusLine, .unexpectedUpgrade, .unexpectedBody: 502
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// A description of the error in one line, without any bytes of the malformed message.
    package var message: String {
        switch kind {
        case .bareLineFeed: "a line ends in LF without CR"
        case .bareCarriageReturn: "a CR is not followed by LF"
        case .controlCharacter: "a control character in the message head"
        case .headTooLarge: "the message head is too large"
        case .tooManyFields: "too many header fields"
        case .tooManyEmptyLines: "too many empty lines before the request line"
        case .malformedFieldName: "a header field's name is not a token followed by a colon"
        case .spaceBeforeColon: "whitespace between a header field's name and its colon"
        case .foldedField: "a header field is folded over several lines"
        case .malformedRequestLine: "the request line is not 'method target version'"
        case .malformedMethod: "the method is not a token of at most 32 characters"
        case .malformedTarget: "the request target is malformed"
        case .targetTooLong: "the request target is too long"
        case .malformedVersion: "the HTTP version is malformed"
        case .unsupportedVersion: "only HTTP/1.0 and HTTP/1.1 are spoken here in this form"
        case .connectUnsupported: "CONNECT is not implemented"
        case .missingHost: "the host field is missing"
        case .duplicateHost: "more than one host field"
        case .malformedHost: "the host field is not host[:port]"
        case .hostMismatch: "the host field differs from the request target"
        case .malformedContentLength: "content-length is not a decimal number"
        case .duplicateContentLength: "more than one content-length field"
        case .lengthAndTransferEncoding: "both content-length and transfer-encoding"
        case .transferEncodingInHTTP10: "transfer-encoding in an HTTP/1.0 message"
        case .unsupportedTransferEncoding: "a transfer coding other than 'chunked'"
        case .unsupportedExpectation: "an expectation other than '100-continue'"
        case .tooManyConnectionOptions: "too many options in the connection field"
        case .malformedChunkSize: "a chunk size is not a hexadecimal number"
        case .malformedChunkExtension: "a chunk extension is malformed"
        case .chunkExtensionsTooLong: "the chunk extensions are too long"
        case .malformedChunkEnd: "a chunk's data does not end in CRLF"
        case .malformedTrailer: "a trailer field is malformed"
        case .forbiddenTrailer: "a trailer field that only a head may have"
        case .trailersTooLarge: "the trailer section is too large"
        case .malformedStatusLine: "the status line is malformed"
        case .unexpectedUpgrade: "the executor switched protocols unasked"
        case .unexpectedBody: "a body is announced on a status that has none"
        }
    }
}
