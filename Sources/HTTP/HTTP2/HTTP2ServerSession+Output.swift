// How the HTTP/2 session sends responses. It queues output during a turn of the event loop. When the loop then writes
// output (the flush phase), nghttp2 calls back for the bytes of the responses.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    // MARK: Responding

    func submitInformational(_ head: ResponseHead, on stream: HTTP2ServerStream) {
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        unsafe HTTP2Fields.withResponse(head) { fields, count in
            _ = unsafe nghttp2_submit_headers(session, none, stream.id, nil, fields, count, nil)
        }
        stream.informationalHeads += 1
        channel.mark()
    }

    func submitResponse(_ head: ResponseHead, on stream: HTTP2ServerStream, end: Bool) {
        var provider = unsafe Self.bodyProvider
        unsafe HTTP2Fields.withResponse(head) { fields, count in
            if end {
                _ = unsafe nghttp2_submit_response(session, stream.id, fields, count, nil)
            } else {
                _ = unsafe nghttp2_submit_response(session, stream.id, fields, count, &provider)
            }
        }
        channel.mark()
    }

    /// Makes nghttp2 send the new output of a stream when the event loop next writes output (the flush phase).
    ///
    /// When nghttp2 finds that a stream has no output (`isDeferred`), it does not ask that stream for output again
    /// until this function is called.
    func resume(_ stream: HTTP2ServerStream) {
        if stream.isDeferred {
            stream.isDeferred = false
            unsafe nghttp2_session_resume_data(session, stream.id)
        }
        channel.mark()
    }

    /// Resets the stream (RST_STREAM) of a response that cannot be completed.
    ///
    /// The reset is sent after the queued output of the stream, or at the latest after `resetDelay`.
    ///
    /// The reset has to wait for the queued DATA, because nghttp2 drops queued DATA when a reset is submitted.
    func breakStream(_ stream: HTTP2ServerStream) {
        guard stream.isHeadSent, !stream.isHeadOut || !stream.output.isEmpty else {
            reset(stream)
            return
        }
        deadlines.resets.append((stream, now + Self.resetDelay))
        armDeadline()
        resume(stream)
    }

    /// Submits RST_STREAM, with NO_ERROR after a complete response and with INTERNAL_ERROR otherwise.
    func reset(_ stream: HTTP2ServerStream) {
        guard !stream.isClosed else { return }
        submitReset(stream.id, stream.isEndSent ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR)
        channel.mark()
    }

    // MARK: Sending

    func flush(into scratch: Scratch) {
        // In one turn of the event loop, only a limited number of requests of a connection may begin. The bytes after
        // these requests wait in `incoming.putOff`. If bytes wait there, the count is not reset here, but by
        // `continueReceiving`, which reads these bytes in the next turn.
        if requestsLeft < Self.requestsPerTurn, incoming.putOff.isEmpty { allowRequests() }
        if !outbox.preamble.isEmpty {
            scratch.append(outbox.preamble)
            outbox.preamble = []
        }
        if outbox.bytesOfClosedStreams > 0 {
            // Without this call, each aborted upload would shrink the connection's flow-control window permanently.
            unsafe nghttp2_session_consume_connection(session, outbox.bytesOfClosedStreams)
            outbox.bytesOfClosedStreams = 0
        }
        if !outbox.areSettingsSent, scratch.count < Self.flushBytesMax, let settings = nextFrame() {
            outbox.areSettingsSent = true
            scratch.append(withStreamLimit(settings))
        }
        if ending.isFinalGoAwayDue { submitFinalGoAway() }
        send(into: scratch)
        while !outbox.streamsToReset.isEmpty {
            let broken = outbox.streamsToReset
            outbox.streamsToReset = []
            for stream in broken { reset(stream) }
            send(into: scratch)
        }
        if scratch.count >= Self.flushBytesMax { channel.mark() }
        afterFlush()
    }

    private func send(into scratch: Scratch) {
        if sendFrames(into: scratch) < 0 { ending.isFatal = true }
    }

    /// Tells nghttp2 how many bytes of a response body go into the next DATA frame.
    ///
    /// - Returns: the number of bytes, at most `limit`; `NGHTTP2_ERR_DEFERRED` if the stream has no output now.
    func bodyLength(stream id: Int32, upTo limit: Int, flags: UnsafeMutablePointer<UInt32>) -> Int {
        guard let stream = stream(id) else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let available = stream.output.count
        if available == 0, !stream.isFinished || stream.isBroken {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        let step = min(available, limit)
        if step == available, stream.isFinished, !stream.isBroken {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
        }
        return step
    }

    /// Writes a DATA frame: its frame header, and then bytes of the response body.
    func writeData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int, into scratch: Scratch) -> CInt {
        guard let stream = stream(id) else { return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        unsafe scratch.append(header)
        stream.output.move(upTo: length, to: scratch)
        stream.chargeOutput()
        stream.lastMoved = now
        abuse.dataSent()
        if stream.output.isEmpty, stream.isBroken { outbox.streamsToReset.append(stream) }
        outbox.movedStreams.append(stream)
        // Without NGHTTP2_ERR_PAUSE, one call of nghttp2 would continue until no stream has output left.
        return scratch.count < Self.flushBytesMax ? 0 : CInt(NGHTTP2_ERR_PAUSE.rawValue)
    }

    /// Called when nghttp2 has written a HEADERS or DATA frame to the output.
    @inline(__always)
    private func responseWentOut(_ header: nghttp2_frame_hd) {
        guard let stream = stream(header.stream_id) else { return }
        if UInt32(header.type) == NGHTTP2_HEADERS.rawValue { headSent(stream) }
        guard header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 else { return }
        stream.isEndSent = true
        // After an early final response, the client need not send the rest of its body (RFC 9113 section 8.1). The
        // reset of the stream waits for `resetDelay`, because curl loses a response that is directly followed by a
        // reset.
        guard !stream.isRequestWhole else { return }
        deadlines.resets.append((stream, now + Self.resetDelay))
        armDeadline()
    }

    private func resetWentOut(_ id: Int32, code: UInt32) {
        let stream = streams[id]
        stream?.isResetByUs = true
        // The server sends INTERNAL_ERROR and NO_ERROR when the client is not at fault. It sends every other code
        // because of a fault of the client.
        guard code != NGHTTP2_INTERNAL_ERROR.rawValue, code != NGHTTP2_NO_ERROR.rawValue, stream?.isRefused != true
        else { return }
        if !abuse.resetSent(now: now) { fail(.causedResets) }
    }

    /// Called when nghttp2 has written a frame to the output.
    func frameWentOut(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue: responseWentOut(header)
        case NGHTTP2_RST_STREAM.rawValue:
            resetWentOut(header.stream_id, code: unsafe frame.pointee.rst_stream.error_code)
        case NGHTTP2_GOAWAY.rawValue:
            // If no fault is recorded, nghttp2 has queued this GOAWAY itself, because of a received frame that ends the
            // connection.
            let code = unsafe nghttp2_error_code(rawValue: frame.pointee.goaway.error_code)
            if ending.fault == nil, code != NGHTTP2_NO_ERROR {
                ending.isFatal = true
                ending.fault = .violation(code)
            }
        default: break
        }
    }

    private func headSent(_ stream: HTTP2ServerStream) {
        if stream.informationalHeads > 0 {
            stream.informationalHeads -= 1
            return
        }
        stream.isHeadOut = true
        if stream.isBroken, stream.output.isEmpty { outbox.streamsToReset.append(stream) }
    }

    private func afterFlush() {
        let moved = outbox.movedStreams
        outbox.movedStreams.removeAll(keepingCapacity: true)
        for stream in moved where !stream.isClosed { stream.handler?.outputMoved() }
        let wantsMore = wantsRead || wantsWrite
        if ending.isFatal || !wantsMore || ending.isGoingAway && streams.isEmpty {
            connection.closeWhenFlushed(ending.fault.map { .violation($0.words) } ?? .edge)
        }
    }

    func drained() {}
}
