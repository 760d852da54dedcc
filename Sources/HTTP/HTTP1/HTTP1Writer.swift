// Writes the heads and the chunk framing of HTTP/1.1, to clients and to executors.

internal import Transport

/// Writes every HTTP/1.1 head that leaves the server.
///
/// The content of a head cannot inject other fields or messages. A field is omitted if its name is not a token or its
/// value has a control character. In a target, bytes outside printable ASCII are percent-encoded. In a host or a
/// method, invalid bytes are omitted. Only the parameter `body` determines the framing fields, so a head never has two
/// different framings.
package enum HTTP1Writer {
    /// The interim response that asks a client to send its body.
    package static let continueResponse = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    /// The interim response after which the connection uses HTTP/2.
    package static let switchingToH2C = Array(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n".utf8
    )
    /// The end of a chunked body without trailers.
    package static let lastChunk = Array("0\r\n\r\n".utf8)
    /// The line end after the data of each chunk.
    package static let chunkEnd = Array("\r\n".utf8)

    // MARK: Heads

    /// Appends a request head for an executor.
    ///
    /// If `fields` has `host`, `content-length` or hop-by-hop fields, they are omitted, because the other arguments
    /// determine host, length and framing.
    package static func appendRequest(
        method: Method,
        target: [UInt8],
        host: [UInt8],
        fields: FieldBlock,
        body: BodyLength,
        keepAlive: Bool = true,
        to output: inout [UInt8]
    ) {
        output.reserveCapacity(output.count + 128 + target.count + host.count + fields.weight)
        for byte in method.text.utf8 where byte.isToken { output.append(byte) }
        output.append(HTTP1Byte.space)
        append(target: target, to: &output)
        output.append(" HTTP/1.1\r\nhost: ")
        append(host: host, to: &output)
        appendLineEnd(to: &output)
        append(framing: body, of: method, to: &output)
        if !keepAlive { output.append("connection: close\r\n") }
        append(fields, to: &output)
        appendLineEnd(to: &output)
    }

    @inline(__always)
    private static func append(target: [UInt8], to output: inout [UInt8]) {
        if target.isEmpty { output.append(HTTP1Byte.slash) }
        if target.allSatisfy(isPlain) {
            output.append(target.span)
        } else {
            for byte in target { append(targetByte: byte, to: &output) }
        }
    }

    /// Appends the value of `host` without the bytes that are not visible ASCII characters.
    @inline(__always)
    private static func append(host: [UInt8], to output: inout [UInt8]) {
        if host.allSatisfy(isVisible) {
            output.append(host.span)
        } else {
            for byte in host where isVisible(byte) { output.append(byte) }
        }
    }

    @inline(__always)
    private static func isVisible(_ byte: UInt8) -> Bool { byte > HTTP1Byte.space && byte < 0x7f }

    /// Appends the field that frames the body of a request.
    ///
    /// If a request has no body but its method usually has a body, the field is `content-length: 0` (RFC 9110 section
    /// 8.6).
    @inline(__always)
    private static func append(framing body: BodyLength, of method: Method, to output: inout [UInt8]) {
        switch body {
        case .known(let length): append(contentLength: length, to: &output)
        case .unknown: output.append("transfer-encoding: chunked\r\n")
        case .none:
            if method == .post || method == .put || method == .patch { append(contentLength: 0, to: &output) }
        }
    }

    /// Appends a response head for a client.
    ///
    /// - Parameters:
    ///   - version: the version of the request. The status line always has HTTP/1.1, but an HTTP/1.0 client gets
    ///     `connection: keep-alive` if the connection stays open.
    ///   - body: the framing of the body; for HEAD, the framing that the body would have for GET. `.none` writes no
    ///     framing field. A response with status 1xx or 204 never gets a framing field.
    ///   - keepAlive: whether the connection stays open. After a body with the framing `.untilClose`, the connection
    ///     always closes.
    package static func appendResponse(
        _ head: ResponseHead,
        version: HTTPVersion = .http11,
        body: ResponseBody,
        keepAlive: Bool,
        to output: inout [UInt8]
    ) {
        let status = (100..<1000).contains(head.status) ? head.status : 500
        output.append("HTTP/1.1 ")
        output.append(decimal: status)
        output.append(HTTP1Byte.space)
        output.append(contentsOf: reason(status).utf8)
        appendLineEnd(to: &output)
        let isBodiless = status < 200 || status == 204
        switch body {
        case .known(let length) where !isBodiless: append(contentLength: length, to: &output)
        case .chunked where !isBodiless: output.append("transfer-encoding: chunked\r\n")
        default: break
        }
        if !keepAlive || (body == .untilClose && !isBodiless) {
            output.append("connection: close\r\n")
        } else if version == .http10, status >= 200 {
            output.append("connection: keep-alive\r\n")
        }
        append(head.fields, to: &output)
        appendLineEnd(to: &output)
    }

    private static func append(_ fields: FieldBlock, to output: inout [UInt8]) {
        for index in 0..<fields.count {
            let known = fields.known(index)
            guard known != .host, known != .contentLength, !isHopByHop(known) else { continue }
            append(name: fields.name(index), value: fields.value(index), to: &output)
        }
    }

    private static func append(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>, to output: inout [UInt8]) {
        guard !name.isEmpty, name.allSatisfy({ $0.isToken }), value.allSatisfy({ $0.isFieldText }) else { return }
        // A whole field is appended in one step, because each append to the array checks the capacity of the array.
        output.append(addingCapacity: name.count + value.count + 4) { span in
            unsafe span.withUnsafeMutableBufferPointer { buffer, count in
                var target = unsafe UnsafeMutableRawPointer(buffer.baseAddress! + count)
                func add(_ bytes: UnsafeRawBufferPointer) {
                    unsafe target.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count)
                    unsafe target += bytes.count
                    count += bytes.count
                }
                unsafe name.withUnsafeBytes { unsafe add($0) }
                unsafe target.storeBytes(of: HTTP1Byte.colon, as: UInt8.self)
                unsafe (target + 1).storeBytes(of: HTTP1Byte.space, as: UInt8.self)
                unsafe target += 2
                if !value.isEmpty { unsafe value.withUnsafeBytes { unsafe add($0) } }
                unsafe target.storeBytes(of: HTTP1Byte.carriageReturn, as: UInt8.self)
                unsafe (target + 1).storeBytes(of: HTTP1Byte.lineFeed, as: UInt8.self)
                count += 4
            }
        }
    }

    private static func appendLineEnd(to output: inout [UInt8]) {
        output.append(HTTP1Byte.carriageReturn)
        output.append(HTTP1Byte.lineFeed)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > HTTP1Byte.space && byte < 0x7f && byte != UInt8(ascii: "#")
    }

    private static func append(targetByte byte: UInt8, to output: inout [UInt8]) {
        if isPlain(byte) { return output.append(byte) }
        output.append(UInt8(ascii: "%"))
        output.append(UInt8.hexDigit(byte >> 4))
        output.append(UInt8.hexDigit(byte & 15))
    }

    private static func append(contentLength length: Int, to output: inout [UInt8]) {
        output.append("content-length: ")
        output.append(decimal: max(0, length))
        appendLineEnd(to: &output)
    }

    // MARK: Chunks

    /// The greatest length of the line that begins a chunk and says its size, in bytes.
    package static let chunkHeaderCapacity = 18

    /// Writes the size line of a chunk, or nothing for size 0, because a chunk of size 0 would end the body.
    ///
    /// - Returns: the number of bytes written, at most `chunkHeaderCapacity`.
    @unsafe package static func writeChunkHeader(_ size: Int, to buffer: UnsafeMutablePointer<UInt8>) -> Int {
        guard size > 0 else { return 0 }
        let digits = (Int.bitWidth - size.leadingZeroBitCount + 3) / 4
        var rest = size
        for index in stride(from: digits - 1, through: 0, by: -1) {
            unsafe buffer[index] = UInt8.hexDigit(UInt8(truncatingIfNeeded: rest & 15))
            rest >>= 4
        }
        unsafe buffer[digits] = HTTP1Byte.carriageReturn
        unsafe buffer[digits + 1] = HTTP1Byte.lineFeed
        return digits + 2
    }
}
