// What an HTTP/2 session checks of each frame before nghttp2 reads it.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    /// What the session does with a frame before nghttp2 reads it.
    private enum FrameVerdict {
        case feed
        /// The session has handled the frame itself, so nghttp2 does not get the frame.
        ///
        /// Only for a frame that has arrived whole; a part that arrived later would still be passed to nghttp2.
        case skip
        case fail(HTTP2Fault)
    }

    /// Whether the frame is passed to nghttp2.
    ///
    /// A frame that the client must not send ends the connection.
    func isAccepted(_ header: HTTP2FrameHeader) -> Bool {
        switch classify(header) {
        case .feed: return true
        case .skip: return false
        case .fail(let fault):
            fail(fault)
            return false
        }
    }

    /// Checks a frame for faults that nghttp2 does not look for, such as that the client sends too many control frames,
    /// or that the frame's stream is closed.
    private func classify(_ header: HTTP2FrameHeader) -> FrameVerdict {
        if let stream = block.continuing, header.type != HTTP2FrameHeader.continuation || header.stream != stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        if header.type != HTTP2FrameHeader.continuation { deadlines.headers = .max }
        block.frame(header)
        let isOpen = streams[header.stream] != nil
        // The history is updated after the checks, because a frame is checked only against the frames before it.
        defer {
            if header.endsStream || header.type == HTTP2FrameHeader.resetStream {
                history.endedByClient(header.stream)
            }
        }
        switch header.type {
        case HTTP2FrameHeader.headers: return classifyHeaders(on: header.stream, isOpen: isOpen)
        case HTTP2FrameHeader.data:
            if !abuse.data(isEmpty: header.length == 0 && !header.endsStream) { return .fail(.emptyFrames) }
            let code = history.fault(ofFrameOn: header.stream, isOpen: isOpen)
            return code.map { .fail(.violation($0)) } ?? .feed
        case HTTP2FrameHeader.continuation: return .feed
        default: return classifyControl(header, isOpen: isOpen)
        }
    }

    @inline(__always)
    private func classifyHeaders(on id: Int32, isOpen: Bool) -> FrameVerdict {
        if let code = history.fault(ofFrameOn: id, isOpen: isOpen) { return .fail(.violation(code)) }
        // A header block for a stream that has closed, or that will not open, counts as a control frame, because
        // nghttp2 decodes even such a block.
        guard !isOpen, ending.isGoingAway || !history.isNew(id) else { return .feed }
        return abuse.controlFrame(now: now) ? .feed : .fail(.frames)
    }

    /// Checks a frame that is not HEADERS, CONTINUATION or DATA.
    @inline(__always)
    private func classifyControl(_ header: HTTP2FrameHeader, isOpen: Bool) -> FrameVerdict {
        // The priorities of RFC 7540 are ignored (RFC 9113 section 5.3), but a malformed PRIORITY frame is still an
        // error.
        if header.type == HTTP2FrameHeader.priority, header.stream == 0 || header.number == header.stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        guard abuse.controlFrame(now: now) else { return .fail(.frames) }
        let isWindowUpdate = header.type == HTTP2FrameHeader.windowUpdate && header.length == 4
        guard isWindowUpdate, header.number == 0, header.stream > 0 else { return .feed }
        return classifyZeroIncrement(of: header.stream, isOpen: isOpen)
    }

    /// Handles a WINDOW_UPDATE with an increment of 0, which is an error of the stream (RFC 9113 section 6.9).
    ///
    /// nghttp2 would end the whole connection for such a frame.
    private func classifyZeroIncrement(of id: Int32, isOpen: Bool) -> FrameVerdict {
        guard id % 2 == 1, !history.isNew(id) else { return .fail(.violation(NGHTTP2_PROTOCOL_ERROR)) }
        if isOpen {
            // A client that causes too many resets is disconnected. `resetWentOut` counts this reset when it is sent.
            submitReset(id, NGHTTP2_PROTOCOL_ERROR)
        } else if !abuse.resetSent(now: now) {
            return .fail(.causedResets)
        }
        return .skip
    }
}
