// Converts field blocks to the arrays of name and value pointers that nghttp2 takes.
package import CNghttp2

/// Calls closures with header fields in the form that nghttp2 takes.
///
/// The pointers to the fields are valid only during the call of `body`. nghttp2 makes its own copies of the fields.
///
/// Hop-by-hop fields are omitted, because HTTP/2 forbids them (RFC 9113 section 8.2.2).
package enum HTTP2Fields {
    /// Calls `body` with the fields of a response head; `:status` is the first field.
    static func withResponse(
        _ head: ResponseHead,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        unsafe with(head.fields, status: head.status, body)
    }

    /// Calls `body` with the fields of a request to an executor; the pseudo-header fields come first (RFC 9113
    /// section 8.3.1).
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
        if let length = request.body?.length { all.append(.contentLength, length) }
        unsafe with(all, body)
    }

    /// Calls `body` with the fields of a block.
    ///
    /// `:status` comes first if `status` is not nil.
    ///
    /// The pointers refer to the bytes of the block, so nothing is copied.
    package static func with(
        _ fields: FieldBlock,
        status: Int? = nil,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Void
    ) {
        unsafe fields.withUnsafeBytes { bytes in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: fields.count + 1) { pairs in
                unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3) { digits in
                    var count = 0
                    func add(
                        _ name: UnsafePointer<UInt8>,
                        _ nameLength: Int,
                        _ value: UnsafePointer<UInt8>,
                        _ valueLength: Int
                    ) {
                        unsafe pairs.initializeElement(
                            at: count,
                            to: nghttp2_nv(
                                name: UnsafeMutablePointer(mutating: name),
                                value: UnsafeMutablePointer(mutating: value),
                                namelen: nameLength,
                                valuelen: valueLength,
                                flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                            )
                        )
                        count += 1
                    }
                    if let status {
                        let status = (100..<1000).contains(status) ? status : 500
                        for (index, digit) in [status / 100, status / 10 % 10, status % 10].enumerated() {
                            unsafe digits.initializeElement(at: index, to: 48 + UInt8(digit))
                        }
                        let name: StaticString = ":status"
                        unsafe add(name.utf8Start, name.utf8CodeUnitCount, UnsafePointer(digits.baseAddress!), 3)
                    }
                    for index in 0..<fields.count where !isHopByHop(fields.known(index)) {
                        let extent = fields.extent(index)
                        let name = unsafe bytes.baseAddress! + extent.start
                        unsafe add(name, extent.nameLength, name + extent.nameLength, extent.valueLength)
                    }
                    unsafe body(UnsafePointer(pairs.baseAddress!), count)
                }
            }
        }
    }
}
