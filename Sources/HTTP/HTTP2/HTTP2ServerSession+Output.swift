// The sending half of HTTP/2: responses, the flush phase, and what nghttp2 asks for in it.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    // MARK: Responding

    func submitInformational(_ head: ResponseHead, on stream: HTTP2ServerStream) {
        unsafe HTTP2Fields.withResponse(head) { fields, count in
            _ = unsafe nghttp2_submit_headers(
                session,
                UInt8(NGHTTP2_FLAG_NONE.rawValue),
                stream.id,
                nil,
                fields,
                count,
                nil
            )
        }
        stream.informationalHeads += 1
        channel.mark()
    }

    func submitResponse(_ head: ResponseHead, on stream: HTTP2ServerStream, end: Bool) {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = HTTP2Callbacks.readData
        unsafe HTTP2Fields.withResponse(head) { fields, count in
            if end {
                _ = unsafe nghttp2_submit_response(session, stream.id, fields, count, nil)
            } else {
                _ = unsafe nghttp2_submit_response(session, stream.id, fields, count, &provider)
            }
        }
        channel.mark()
    }

    /// There is something to send on the stream again.
    func resume(_ stream: HTTP2ServerStream) {
        if stream.isDeferred {
            stream.isDeferred = false
            unsafe nghttp2_session_resume_data(session, stream.id)
        }
        channel.mark()
    }

    /// The stream ends in RST_STREAM, when what it had to say has gone out or after a second.
    ///
    /// nghttp2 drops queued DATA when a reset is submitted, so the reset waits for the DATA.
    func breakStream(_ stream: HTTP2ServerStream) {
        guard stream.isHeadSent, !stream.isHeadOut || !stream.output.isEmpty else {
            reset(stream)
            return
        }
        ending.append((stream, now + Self.brokenMax))
        armDeadline()
        resume(stream)
    }

    func reset(_ stream: HTTP2ServerStream) {
        guard !stream.isClosed else { return }
        let code = stream.isEndSent ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, code.rawValue)
        channel.mark()
    }

    func consume(_ bytes: Int, of stream: HTTP2ServerStream) {
        let taken = min(bytes, stream.unconsumed)
        guard taken > 0 else { return }
        stream.unconsumed -= taken
        unsafe nghttp2_session_consume(session, stream.id, taken)
        channel.mark()
    }

    // MARK: Sending

    func flush(into scratch: Scratch) {
        precondition(!isOnStack, "nghttp2 is not re-entrant")
        if !preamble.isEmpty {
            scratch.append(preamble)
            preamble = []
        }
        if orphaned > 0 {
            // Or the connection's window would shrink with each upload that is cut.
            unsafe nghttp2_session_consume_connection(session, orphaned)
            orphaned = 0
        }
        isOnStack = true
        sendInto(scratch)
        while !drySince.isEmpty {
            let dry = drySince
            drySince = []
            for stream in dry { reset(stream) }
            sendInto(scratch)
        }
        isOnStack = false
        if scratch.count >= Self.flushMax { channel.mark() }
        afterFlush()
    }

    func sendInto(_ scratch: Scratch) {
        while scratch.count < Self.flushMax {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else {
                if count < 0 { isFatal = true }
                return
            }
            guard isGreeted else {
                isGreeted = true
                unsafe scratch.append(greeting(UnsafeBufferPointer(start: bytes, count: count)))
                continue
            }
            unsafe scratch.append(UnsafeRawBufferPointer(start: bytes, count: count))
        }
    }

    func readData(stream id: Int32, length: Int, flags: UnsafeMutablePointer<UInt32>) -> Int {
        guard let stream = stream(id) else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let available = stream.output.count
        if available == 0, !stream.isFinished || stream.isBroken {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        let step = min(available, length)
        if step == available, stream.isFinished, !stream.isBroken {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        }
        return step
    }

    func sendData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int) -> CInt {
        let scratch = channel.loop.scratch
        guard let stream = stream(id) else { return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        unsafe scratch.append(header)
        stream.output.move(upTo: length, to: scratch)
        stream.chargeOutput()
        stream.lastMoved = now
        abuse.dataSent()
        if stream.output.isEmpty, stream.isBroken { drySince.append(stream) }
        moved.append(stream)
        // Without a pause one `mem_send` goes on until every stream is dry.
        return scratch.count < Self.flushMax ? 0 : CInt(NGHTTP2_ERR_PAUSE.rawValue)
    }

    func frameSent(_ frame: nghttp2_frame) -> CInt {
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            guard let stream = unsafe stream(frame.hd.stream_id) else { return 0 }
            if unsafe UInt32(frame.hd.type) == NGHTTP2_HEADERS.rawValue { headSent(stream) }
            guard unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return 0 }
            stream.isEndSent = true
            // An early final answer: the client need not send the rest of its body (RFC 9113 section 8.1). It has a moment
            // to see the answer and to end by itself: a reset right behind it makes curl lose the answer.
            guard !stream.isRequestWhole else { return 0 }
            ending.append((stream, now + Self.brokenMax))
            armDeadline()
        case NGHTTP2_RST_STREAM.rawValue:
            unsafe streams[frame.hd.stream_id]?.isResetByUs = true
            // Resets that answer faults of the client's; our own INTERNAL_ERROR and NO_ERROR are none.
            let code = unsafe frame.rst_stream.error_code
            guard code != NGHTTP2_INTERNAL_ERROR.rawValue, code != NGHTTP2_NO_ERROR.rawValue,
                unsafe streams[frame.hd.stream_id]?.isRefused != true
            else { return 0 }
            if !abuse.resetSent(now: now) { fail(.causedResets) }
        case NGHTTP2_GOAWAY.rawValue:
            // The library's own: it has found a frame that ends the connection.
            let code = unsafe nghttp2_error_code(rawValue: frame.goaway.error_code)
            if fault == nil, code != NGHTTP2_NO_ERROR {
                isFatal = true
                fault = .violation(code)
            }
        default: break
        }
        return 0
    }

    func headSent(_ stream: HTTP2ServerStream) {
        if stream.informationalHeads > 0 {
            stream.informationalHeads -= 1
            return
        }
        stream.isHeadOut = true
        if stream.isBroken, stream.output.isEmpty { drySince.append(stream) }
    }

    func afterFlush() {
        let handled = moved
        moved.removeAll(keepingCapacity: true)
        for stream in handled where !stream.isClosed { stream.handler?.outputMoved() }
        let wantsMore = unsafe nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0
        if isFatal || !wantsMore || isGoingAway && streams.isEmpty {
            connection.closeWhenFlushed(fault.map { .violation($0.words) } ?? .edge)
        }
    }

    func drained() {}
}
