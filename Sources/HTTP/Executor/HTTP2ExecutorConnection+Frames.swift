// What nghttp2 tells and asks of a connection to an executor, and the flush phase.
internal import CNghttp2
internal import Transport

extension HTTP2ExecutorConnection {
    // MARK: Answers

    func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        guard let stream = streams[id] else { return 0 }
        // Interim heads and trailers are read by the library and of no use to us. Together they may be as large as a head.
        if stream.isHeadTold || (100..<200).contains(stream.status) {
            stream.unusedWeight += name.count + value.count + 32
            guard stream.unusedWeight > Self.headerBytesMax else { return 0 }
            end(stream, .failed(.violation("HTTP/2: interim heads and trailers are too large")))
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        if name.count > 0, name[0] == UInt8(ascii: ":") {
            // `:status` is the only one of a response, and nghttp2 has checked its three digits.
            for index in value.indices { stream.status = stream.status * 10 + Int(value[index] &- 0x30) }
            if stream.status < 200 { stream.unusedWeight += name.count + value.count + 32 }
            return 0
        }
        // Counted before anything is kept: nghttp2 limits neither (edge-servers.md 0.4).
        guard stream.fields.count < Self.headerCountMax,
            stream.fields.weight + name.count + value.count + 32 <= Self.headerBytesMax
        else {
            end(stream, .failed(.violation("HTTP/2: the response head is too large")))
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        stream.fields.append(name: name, value: value)
        return 0
    }

    func frameReceived(_ frame: nghttp2_frame) {
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard let stream = unsafe streams[frame.hd.stream_id] else { return }
            let ends = unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if unsafe UInt32(frame.hd.type) == NGHTTP2_HEADERS.rawValue, !stream.isHeadTold {
                headReceived(stream, ends: ends)
            }
            if ends { end(stream, .whole) }
        case NGHTTP2_SETTINGS.rawValue:
            if unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { hasSettings = true }
        case NGHTTP2_GOAWAY.rawValue: isRetired = true
        default: break
        }
    }

    private func headReceived(_ stream: HTTP2ExecutorStream, ends: Bool) {
        let status = stream.status
        guard let body = stream.finishHead(endsStream: ends), let attempt = stream.attempt else { return }
        stream.isHeadTold = true
        let head = ResponseHead(status: status, fields: stream.fields)
        stream.fields.removeAll()
        attempt.hasReceived = true
        if stream.isRequestSent { attempt.letGoOfRequest() }
        attempt.handler?.responseHead(head, body: body)
    }

    func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) {
        // The connection's window belongs to all streams: one that nobody takes must not close it for its siblings.
        unsafe nghttp2_session_consume_connection(session, bytes.count)
        guard let stream = streams[id], let attempt = stream.attempt else { return }
        attempt.handler?.responseBody(bytes)
        // A stream whose client does not keep up feels it by its own window.
        if stream.isPaused {
            stream.withheld += bytes.count
        } else if stream.attempt != nil {
            unsafe nghttp2_session_consume_stream(session, id, bytes.count)
        }
    }

    func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = streams[id] else { return }
        // A whole answer was recorded with its END_STREAM: the first record counts.
        let failure: ExecutorFailure =
            switch code {
            case NGHTTP2_REFUSED_STREAM.rawValue where !stream.isHeadTold: .refused
            case NGHTTP2_PROTOCOL_ERROR.rawValue: .violation("HTTP/2: the stream broke the protocol")
            default: stream.isHeadTold ? .closedInResponse : .closedBeforeHead
            }
        end(stream, .failed(failure))
    }

    /// It ends when nghttp2 has returned.
    private func end(_ stream: HTTP2ExecutorStream, _ end: StreamEnd) {
        guard !stream.hasEnded else { return }
        stream.hasEnded = true
        finished.append((stream, end))
    }

    // MARK: Requests

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard !isClosed else { return }
        precondition(!isOnStack, "nghttp2 is not re-entrant")
        isOnStack = true
        var failure: Int = 0
        while scratch.count < Self.flushMax {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else {
                failure = count
                break
            }
            unsafe scratch.append(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        isOnStack = false
        tellFinished()
        precondition(failure != Int(NGHTTP2_ERR_NOMEM.rawValue), "nghttp2: out of memory")
        if scratch.count >= Self.flushMax { channel.mark() }
        // After an error of the connection the library queues a GOAWAY, and then wants nothing any more.
        if unsafe nghttp2_session_want_read(session) == 0, unsafe nghttp2_session_want_write(session) == 0 { broke() }
        endIfDone()
    }

    func channelDrained(_ channel: Channel) {
        guard !sent.isEmpty else { return }
        let all = sent
        sent.removeAll(keepingCapacity: true)
        for stream in all { stream.attempt?.reportSent() }
    }

    func frameSent(_ frame: nghttp2_frame) {
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard let stream = unsafe streams[frame.hd.stream_id] else { return }
            stream.isBegun = true
            guard unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
            stream.isRequestSent = true
            stream.body = nil
            if stream.isHeadTold { stream.attempt?.letGoOfRequest() }
            sent.append(stream)
        default: break
        }
    }

    /// A request that nghttp2 could not send, since GOAWAY came first: it may go elsewhere.
    func frameNotSent(_ frame: nghttp2_frame) {
        guard unsafe UInt32(frame.hd.type) == NGHTTP2_HEADERS.rawValue,
            let stream = unsafe streams[frame.hd.stream_id]
        else { return }
        end(stream, .failed(.refused))
    }

    func readBody(stream id: Int32, length: Int, flags: UnsafeMutablePointer<UInt32>) -> Int {
        guard let stream = streams[id], let body = stream.body else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        let step = min(length, body.length - stream.sentOfBody)
        if stream.sentOfBody + step == body.length { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return step
    }

    func sendData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int) -> CInt {
        guard let stream = streams[id], let body = stream.body else {
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        let scratch = channel.loop.scratch
        unsafe scratch.append(header)
        body.append(from: stream.sentOfBody, upTo: length, to: scratch)
        stream.sentOfBody += length
        // Without a pause one `mem_send` goes on until every stream is dry.
        return scratch.count < Self.flushMax ? 0 : CInt(NGHTTP2_ERR_PAUSE.rawValue)
    }
}
