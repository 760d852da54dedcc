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

    /// Calls `body` with pseudo fields, then the others: for the client side.
    static func withRequest(
        _ pseudo: [(name: String, value: String)],
        _ fields: FieldBlock,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        var all = FieldBlock()
        for field in pseudo { all.append(name: field.name, value: field.value) }
        for index in 0..<fields.count { all.append(name: fields.name(index).span, value: fields.value(index).span) }
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
