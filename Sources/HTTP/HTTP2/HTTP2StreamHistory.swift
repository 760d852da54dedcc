// Remembers which streams a client has opened and ended, to find the errors of RFC 9113 section 5.1 on closed
// streams. nghttp2 does not find these errors, because it forgets closed streams if SETTINGS_NO_RFC7540_PRIORITIES is
// set.
internal import CNghttp2

/// Remembers the most recent streams of one connection, and whether the client has ended them.
///
/// Frames on older streams are not treated as errors, because the history has forgotten these streams.
struct HTTP2StreamHistory {
    private struct Entry {
        var id: Int32
        /// Whether the client has sent END_STREAM or RST_STREAM.
        ///
        /// If the client has sent neither when the stream closes, the server has reset the stream. Frames that the
        /// client sent before it saw the reset are ignored.
        var isEndedByClient = false
    }

    private static let entriesMax = 128

    private var entries: [Entry] = []
    private var highest: Int32 = 0
    /// The history has forgotten all streams up to this identifier.
    private var forgotten: Int32 = 0
    /// The identifier of the latest stream that the client ended before nghttp2 opened it; 0 if there is none.
    ///
    /// The stream is one whose HEADERS frame has END_STREAM. When nghttp2 opens the stream, `opened` records that the
    /// client has ended its side already.
    private var endsOnOpening: Int32 = 0

    /// Whether the identifier is higher than that of every opened stream, so that a frame on it can open a new stream.
    func isNew(_ id: Int32) -> Bool { id > highest }

    /// Records that nghttp2 has opened a stream.
    mutating func opened(_ id: Int32) {
        highest = max(highest, id)
        if entries.count == Self.entriesMax {
            forgotten = entries[Self.entriesMax / 2 - 1].id
            entries.removeFirst(Self.entriesMax / 2)
        }
        entries.append(Entry(id: id, isEndedByClient: id == endsOnOpening))
    }

    /// Records that the client has ended its side of a stream, by END_STREAM or by RST_STREAM.
    ///
    /// After an upgrade from HTTP/1.1, stream 1 is the HTTP/1.1 request, which the client has ended already.
    mutating func endedByClient(_ id: Int32) {
        guard let index = entries.lastIndex(where: { $0.id == id }) else {
            if id > highest { endsOnOpening = id }
            return
        }
        if !entries[index].isEndedByClient { entries[index].isEndedByClient = true }
    }

    /// The error that a HEADERS or DATA frame causes on a stream that is not open.
    ///
    /// The result is nil if the frame is no error, or if the history has forgotten the stream.
    func fault(ofFrameOn id: Int32, isOpen: Bool) -> nghttp2_error_code? {
        guard !isOpen, id % 2 == 1, id <= highest, id > forgotten else { return nil }
        guard let entry = entries.last(where: { $0.id == id }) else {
            // A stream with a higher identifier has been opened, and this stream was never opened. So the frame is an
            // error, because identifiers only grow (RFC 9113 section 5.1.1).
            return NGHTTP2_PROTOCOL_ERROR
        }
        return entry.isEndedByClient ? NGHTTP2_STREAM_CLOSED : nil
    }
}
