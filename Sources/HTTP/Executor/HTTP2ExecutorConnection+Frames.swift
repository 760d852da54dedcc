// The callbacks of nghttp2 on an HTTP/2 connection to an executor, and the flush phase of the connection.
internal import CNghttp2
internal import Transport

extension HTTP2ExecutorConnection {
    // MARK: Responses

    /// A field of a response head, an interim head or trailers has been decoded.
    func fieldReceived(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        guard let stream = streams[id] else { return 0 }
        // Interim heads and trailers are dropped. Their total size has the same limit as the size of a response head.
        if stream.isHeadReported || (100..<200).contains(stream.status) {
            stream.discardedWeight += name.count + value.count + 32
            guard stream.discardedWeight > Self.headerBytesMax else { return 0 }
            end(stream, .failed(.violation("HTTP/2: interim heads and trailers are too large")))
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        if name.count > 0, name[0] == UInt8(ascii: ":") {
            // The only pseudo-header field of a response is `:status`, and nghttp2 has checked that its value has
            // three digits.
            for index in value.indices { stream.status = stream.status * 10 + Int(value[index] &- 0x30) }
            if stream.status < 200 { stream.discardedWeight += name.count + value.count + 32 }
            return 0
        }
        // Fields are checked before they are kept, because nghttp2 limits neither their number nor their size.
        guard stream.fields.count < Self.headerCountMax,
            stream.fields.weight + name.count + value.count + 32 <= Self.headerBytesMax
        else {
            end(stream, .failed(.violation("HTTP/2: the response head is too large")))
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        stream.fields.append(name: name, value: value)
        return 0
    }

    /// A valid frame has arrived completely.
    func frameArrived(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard let stream = streams[header.stream_id] else { return }
            let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if UInt32(header.type) == NGHTTP2_HEADERS.rawValue, !stream.isHeadReported {
                headReceived(stream, ends: ends)
            }
            if ends { end(stream, .whole) }
        case NGHTTP2_SETTINGS.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { hasSettings = true }
        case NGHTTP2_GOAWAY.rawValue: isRetired = true
        default: break
        }
    }

    private func headReceived(_ stream: HTTP2ExecutorStream, ends: Bool) {
        let status = stream.status
        guard let body = stream.finishHead(endsStream: ends), let attempt = stream.attempt else { return }
        stream.isHeadReported = true
        let head = ResponseHead(status: status, fields: stream.fields)
        stream.fields.removeAll()
        attempt.hasReceived = true
        if stream.isRequestSent { attempt.letGoOfRequest() }
        attempt.handler?.responseHead(head, body: body)
    }

    /// Passes bytes of a response body to the handler.
    func bodyReceived(stream id: Int32, _ bytes: Span<UInt8>) {
        // All streams share the flow-control window of the connection. The received bytes are given back to this window
        // at once, so that a stream that is not read does not block the other streams.
        unsafe nghttp2_session_consume_connection(session, bytes.count)
        guard let stream = streams[id], let attempt = stream.attempt else { return }
        attempt.handler?.responseBody(bytes)
        // If the client reads slowly, the edge has paused this stream. The bytes are then not yet given back to the
        // window of the stream, so that the executor stops sending on it. Other streams continue.
        if stream.isPaused {
            stream.withheld += bytes.count
        } else if stream.attempt != nil {
            unsafe nghttp2_session_consume_stream(session, id, bytes.count)
        }
    }

    /// Records the failure of a stream that nghttp2 has closed, unless the end of the stream was recorded before.
    func streamEnded(_ id: Int32, code: UInt32) {
        guard let stream = streams[id] else { return }
        // If the response is complete, its end was recorded when END_STREAM arrived. `end` then ignores this failure.
        let failure: ExecutorFailure =
            switch code {
            case NGHTTP2_REFUSED_STREAM.rawValue where !stream.isHeadReported: .refused
            case NGHTTP2_PROTOCOL_ERROR.rawValue: .violation("HTTP/2: the stream broke the protocol")
            default: stream.isHeadReported ? .closedInResponse : .closedBeforeHead
            }
        end(stream, .failed(failure))
    }

    /// Records how the stream ended.
    ///
    /// `reportFinished` reports the end after nghttp2 has returned.
    private func end(_ stream: HTTP2ExecutorStream, _ end: StreamEnd) {
        guard !stream.hasEnded else { return }
        stream.hasEnded = true
        finished.append((stream, end))
    }

    /// Reports the streams that ended inside a call of nghttp2.
    ///
    /// The handlers are called only after nghttp2 has returned, because a handler may send a new request.
    func reportFinished() {
        guard !finished.isEmpty else { return }
        let all = finished
        finished.removeAll(keepingCapacity: true)
        for (stream, end) in all {
            guard let attempt = stream.attempt else { continue }
            forget(stream)
            attempt.hasReceived = true
            switch end {
            case .whole:
                // The response is complete, but the request has not been sent completely. The rest of the request is
                // not needed, so the stream is reset (RFC 9113 section 8.1).
                if !stream.isRequestSent, !isClosed {
                    submitReset(stream.id, NGHTTP2_NO_ERROR)
                    channel.mark()
                }
                attempt.ended()
            case .failed(let failure):
                if case .refused = failure { isRefusing = !streams.isEmpty }
                attempt.failed(failure)
            }
        }
    }

    // MARK: Requests

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard !isClosed else { return }
        let result = sendFrames(into: scratch)
        reportFinished()
        precondition(result != Int(NGHTTP2_ERR_NOMEM.rawValue), "nghttp2: out of memory")
        if scratch.count >= Self.flushBytesMax { channel.mark() }
        // After a connection error, nghttp2 queues a GOAWAY. When the GOAWAY is sent, nghttp2 wants neither to read
        // nor to write.
        if !wantsRead, !wantsWrite { broke() }
        endIfDone()
    }

    func channelDrained(_ channel: Channel) {
        guard !sent.isEmpty else { return }
        let all = sent
        sent.removeAll(keepingCapacity: true)
        for stream in all { stream.attempt?.reportSent() }
    }

    /// nghttp2 has written a frame to the output.
    func frameWentOut(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard let stream = streams[header.stream_id] else { return }
            stream.isBegun = true
            guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
            stream.isRequestSent = true
            stream.body = nil
            if stream.isHeadReported { stream.attempt?.letGoOfRequest() }
            sent.append(stream)
        default: break
        }
    }

    /// nghttp2 has dropped a request because GOAWAY arrived before the request was sent.
    ///
    /// The request counts as refused, so another connection may carry it.
    func frameDropped(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        guard UInt32(header.type) == NGHTTP2_HEADERS.rawValue, let stream = streams[header.stream_id] else { return }
        end(stream, .failed(.refused))
    }

    /// Tells nghttp2 how many bytes of a request body go into the next DATA frame, at most `limit`.
    func bodyLength(stream id: Int32, upTo limit: Int, flags: UnsafeMutablePointer<UInt32>) -> Int {
        guard let stream = streams[id], let body = stream.body else {
            return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        let step = min(limit, body.length - stream.sentOfBody)
        if stream.sentOfBody + step == body.length { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return step
    }

    /// Writes a DATA frame: its frame header, and then bytes of the request body.
    func writeData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int, into scratch: Scratch) -> CInt {
        guard let stream = streams[id], let body = stream.body else {
            return CInt(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
        }
        unsafe scratch.append(header)
        body.append(from: stream.sentOfBody, upTo: length, to: scratch)
        stream.sentOfBody += length
        // Without NGHTTP2_ERR_PAUSE, one call of nghttp2 would continue until no stream has output left.
        return scratch.count < Self.flushBytesMax ? 0 : CInt(NGHTTP2_ERR_PAUSE.rawValue)
    }

    // MARK: Windows

    /// Opens the flow-control window of a stream by the number of bytes that arrived while reading was paused.
    func giveBack(_ stream: HTTP2ExecutorStream) {
        guard stream.withheld > 0, !isClosed else { return }
        unsafe nghttp2_session_consume_stream(session, stream.id, stream.withheld)
        stream.withheld = 0
        channel.mark()
    }

    /// Sets the size of a stream's flow-control window, at most `streamWindow`.
    ///
    /// The executor may send this many bytes on the stream before the edge gives bytes back to the window.
    func setWindow(of stream: HTTP2ExecutorStream, to bytes: Int) {
        guard !isClosed else { return }
        let size = Int32(clamping: min(bytes, Int(Self.streamWindow)))
        unsafe nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, size)
        channel.mark()
    }
}
