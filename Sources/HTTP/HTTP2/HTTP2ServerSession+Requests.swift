// How the HTTP/2 session serves requests. It gets a handler for each head or refuses the request, passes the body to
// the handler, and releases the stream at its end.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    // MARK: Heads

    /// Begins or refuses a request whose head has arrived whole.
    ///
    /// - Parameter ended: whether the request has no body.
    func begin(_ stream: HTTP2ServerStream, ended: Bool) {
        guard let builder = stream.builder else { return }
        stream.builder = nil
        stream.isRequestWhole = ended
        stream.isHEAD = builder.method == .head
        guard activeStreams <= connection.settings.streamsMax else {
            refuse(stream)
            // The reset that `refuse` makes counts against the client now, and not when it is sent, because it is never
            // sent to a client that does not read.
            if !abuse.resetSent(now: now) { fail(.causedResets) }
            return
        }
        guard stream.admit(headOf: builder.footprint) else {
            refuse(stream)
            connection.delegate.refusedForMemory(on: connection)
            return
        }
        if let fault = builder.fault(isSecure: connection.isSecure, isTrusted: connection.client.trusted) {
            refuse(stream, status: fault.status, fault.message)
            return
        }
        stream.adopt(connection.handler(for: builder.head(ended: ended), on: stream))
    }

    /// Resets a stream with REFUSED_STREAM.
    ///
    /// The client may send the request again, because the server has not processed it.
    func refuse(_ stream: HTTP2ServerStream) {
        stream.isRefused = true
        stream.isBroken = true
        refusedStreams += 1
        submitReset(stream.id, NGHTTP2_REFUSED_STREAM)
    }

    /// Refuses a request whose trailers are too large, with status 431 as on HTTP/1.1.
    ///
    /// If the response has begun, the trailers are dropped and the response continues.
    func refuseTrailers(of stream: HTTP2ServerStream) {
        let message = "the trailer section is too large"
        stream.isRequestWhole = true
        guard !stream.isHeadSent, let handler = stream.handler else { return requestEnded(stream) }
        if handler.requestBroke(status: 431, message: message) { return }
        stream.handler = nil
        handler.clientLeft(.violation(Self.streamViolation))
        refuse(stream, status: 431, message)
    }

    /// Responds to a request that has no handler.
    ///
    /// The response has a deadline, because no handler notices a client that does not read the response.
    private func refuse(_ stream: HTTP2ServerStream, status: Int, _ message: String) {
        deadlines.resets.append((stream, now + connection.settings.idleTimeout))
        armDeadline()
        stream.countRefusal()
        connection.delegate.refusal(status: status, message: message, on: stream)
    }

    // MARK: Bodies

    func requestEnded(_ stream: HTTP2ServerStream) {
        stream.isRequestWhole = true
        // Once the response is finished, the rest of the request body is dropped, and the handler gets no
        // `requestEnded`.
        if !stream.isFinished { stream.handler?.requestEnded() }
    }

    /// Passes bytes of a request body to the handler.
    func bodyReceived(stream id: Int32, _ bytes: Span<UInt8>) {
        guard let stream = streams[id], let handler = stream.handler, !stream.isBroken, !stream.isFinished else {
            // After the response is finished, the session no longer opens the flow-control window of the stream. So
            // the client can send only a limited part of the remaining body.
            if streams[id]?.isFinished == true {
                unsafe nghttp2_session_consume_connection(session, bytes.count)
            } else {
                unsafe nghttp2_session_consume(session, id, bytes.count)
            }
            return
        }
        stream.unconsumed += bytes.count
        handler.requestBody(bytes)
    }

    /// Opens the flow-control windows of the stream and of the connection, because the handler has processed bytes of
    /// the body.
    func consume(_ bytes: Int, of stream: HTTP2ServerStream) {
        let taken = min(bytes, stream.unconsumed)
        guard taken > 0 else { return }
        stream.unconsumed -= taken
        unsafe nghttp2_session_consume(session, stream.id, taken)
        channel.mark()
    }

    // MARK: Ends

    /// nghttp2 has closed a stream.
    ///
    /// The handler of the stream gets its last call.
    func streamEnded(_ id: Int32, code: UInt32) {
        forgetRecent()
        // `receiving` is the stream whose header fields are arriving. It is cleared only if it is the closed stream.
        if receiving?.id == id { receiving = nil }
        guard let stream = streams.removeValue(forKey: id) else { return }
        if stream.isRefused { refusedStreams -= 1 }
        if streams.isEmpty {
            idleBegins()
            if ending.isHandedOver { announceEnd() }
        }
        stream.isClosed = true
        stream.bytesLost = stream.output.count
        stream.output.removeAll()
        stream.letGoOfMemory()
        outbox.bytesOfClosedStreams += stream.unconsumed
        deadlines.resets.removeAll { $0.stream === stream }
        let handler = stream.handler
        stream.handler = nil
        if stream.isEndSent {
            handler?.responseFinished()
            return
        }
        let fault = ending.isFatal ? ending.fault : nil
        let end: ClientEnd = stream.isResetByUs ? .violation(Self.streamViolation) : .reset(code)
        handler?.clientLeft(fault.map { .violation($0.words) } ?? end)
        // The response is not complete. If the server has not reset the stream, the client has, and `abuse` limits such
        // resets.
        if !stream.isResetByUs, !ending.isFatal, !abuse.resetReceived(now: now) { fail(.resets) }
    }
}
