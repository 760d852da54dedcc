// Field blocks as nghttp2 wants them: arrays of name and value pointers, valid for one call.
internal import CNghttp2

enum HTTP2Fields {
    /// Calls `body` with the fields of a response head, `:status` first; hop-by-hop fields are left out.
    static func withResponse(
        _ head: ResponseHead,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        let status = Array(String(head.status).utf8)
        unsafe with(head.fields, first: (Array(":status".utf8), status), body)
    }

    static func withTrailers(_ fields: FieldBlock, _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void) {
        unsafe with(fields, first: nil, body)
    }

    /// Calls `body` with the fields of a request to an executor, pseudo fields first (RFC 9113 section 8.3.1).
    static func withRequest(
        _ request: ExecutorRequest,
        isSecure: Bool,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        var all = FieldBlock()
        all.reserve(bytes: 1024, fields: request.fields.count + 5)
        all.append(name: ":method", value: request.method.text)
        all.append(name: ":scheme", value: isSecure ? "https" : "http")
        all.append(name: Array(":authority".utf8).span, value: request.host.span)
        all.append(name: Array(":path".utf8).span, value: request.target.span)
        for index in 0..<request.fields.count {
            switch request.fields.known(index) {
            case .host, .contentLength, .expect: continue
            case .other:
                all.append(name: request.fields.name(index).span, value: request.fields.value(index).span)
            case let known: all.append(known, request.fields.value(index))
            }
        }
        if let length = request.body?.length { all.append(.contentLength, String(length)) }
        unsafe with(all, first: nil, body)
    }

    /// nghttp2 copies names and values before the call returns.
    private static func with(
        _ fields: FieldBlock,
        first: (name: [UInt8], value: [UInt8])?,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        // One flat copy, so that every pointer is into one stable block.
        var flat: [UInt8] = []
        var ranges: [(name: Range<Int>, value: Range<Int>)] = []
        func add(_ name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
            let start = flat.count
            flat += name
            let middle = flat.count
            flat += value
            ranges.append((start..<middle, middle..<flat.count))
        }
        if let first { add(first.name, first.value) }
        for index in 0..<fields.count where !isHopByHop(fields.known(index)) {
            add(fields.name(index), fields.value(index))
        }
        unsafe flat.withUnsafeMutableBufferPointer { bytes in
            let base = bytes.baseAddress!
            let pairs = unsafe ranges.map {
                unsafe nghttp2_nv(
                    name: base + $0.name.lowerBound,
                    value: base + $0.value.lowerBound,
                    namelen: $0.name.count,
                    valuelen: $0.value.count,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                )
            }
            unsafe pairs.withUnsafeBufferPointer { unsafe body($0.baseAddress!, $0.count) }
        }
    }
}
