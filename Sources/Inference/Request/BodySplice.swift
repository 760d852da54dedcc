// The body that an attempt sends: ranges of the client's body, and the few bytes that the edge adds between them.

internal import Transport

/// The body of one attempt as a list of parts.
///
/// Most parts refer to the client's body, so that a small change does not copy the body.
package struct BodySplice: Equatable, Sendable {
    /// A part of the body: a range of the client's body, or bytes that the edge has added.
    package enum Part: Equatable, Sendable {
        /// A range of the client's body.
        case original(Range<Int>)
        /// Bytes that the edge has added.
        case literal([UInt8])

        /// The length in bytes.
        package var count: Int {
            switch self {
            case .original(let range): range.count
            case .literal(let bytes): bytes.count
            }
        }
    }

    /// The parts in order; none is empty.
    package private(set) var parts: [Part] = []
    /// The length of all parts in bytes.
    package private(set) var count = 0
    /// Whether the edge, and not the client, asks for the `usage` object.
    ///
    /// The edge then removes the object from the response.
    package var removesUsage: Bool { usage != nil }
    private struct UsageRequest: Equatable {
        /// The index in `parts` of the bytes that the edge has added to ask for the `usage` object.
        var part: Int
        /// The range of the client's body that these bytes replace.
        var original: Range<Int>
    }
    private var usage: UsageRequest?

    /// Makes a splice that is the client's unchanged body of `length` bytes.
    package init(unchanged length: Int) { append(.original(0..<length)) }

    /// Makes the body for one attempt.
    ///
    /// The attempt's body has the executor's name for the model. The client's member `priority` is always left out. If
    /// the executor's settings say so, a request for a stream with `choices` also asks for the `usage` object, and the
    /// billing header is left out. The billing header is a text that coding agents put first in the system prompt.
    ///
    /// - Parameters:
    ///   - scan: The scan of the client's body.
    ///   - length: The length of the client's body in bytes.
    ///   - executorModel: The executor's name for the model.
    ///   - asksForUsage: The executor's setting `include_usage`.
    ///   - stripsBilling: Whether the billing header, `RequestScan.billing`, is left out.
    ///   - priority: The value of the member `priority` that the executor gets; nil if the executor gets none.
    package init(
        _ scan: RequestScan,
        length: Int,
        dialect: Dialect,
        executorModel: String,
        asksForUsage: Bool,
        stripsBilling: Bool = false,
        priority: Int? = nil
    ) {
        var edits: [(range: Range<Int>, text: [UInt8], asksForUsage: Bool)] = []
        // Names are compared byte by byte. Swift's `==` treats canonically equivalent names as equal, but an engine may
        // not.
        if !executorModel.hasBytes(of: scan.model) {
            var name: [UInt8] = []
            JSONWriter.append(executorModel, to: &name)
            edits.append((scan.rawModel, name, false))
        }
        if dialect.streamsChoices, scan.stream, asksForUsage, let edit = Self.usageEdit(scan) {
            edits.append((edit.range, Array(edit.text.utf8), true))
        }
        if stripsBilling, let header = scan.billing { edits.append((header, [], false)) }
        for range in scan.priorities { edits.append((range, [], false)) }
        if let priority, dialect.takesPriority {
            let start = scan.objectStart + 1
            edits.append((start..<start, Array("\"priority\":\(priority),".utf8), false))
        }
        // An edit that only adds bytes comes before an edit that leaves out bytes at the same place.
        edits.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var position = 0
        for edit in edits {
            append(.original(position..<edit.range.lowerBound))
            if edit.asksForUsage { usage = UsageRequest(part: parts.count, original: edit.range) }
            append(.literal(edit.text))
            position = edit.range.upperBound
        }
        append(.original(position..<length))
    }

    /// The same body without the edge's request for the `usage` object, for an engine that refuses such a request.
    ///
    /// - Returns: nil if the edge has not added such a request.
    package var withoutUsage: BodySplice? {
        guard let usage else { return nil }
        var splice = BodySplice()
        for (index, part) in parts.enumerated() {
            splice.append(index == usage.part ? .original(usage.original) : part)
        }
        return splice
    }

    private init() {}

    /// The edit that makes `include_usage` true; nil if the client has already set it to true.
    private static func usageEdit(_ scan: RequestScan) -> (range: Range<Int>, text: String)? {
        func inside(_ brace: Int) -> Range<Int> { brace + 1..<brace + 1 }
        switch scan.streamOptions {
        case .absent: return (inside(scan.objectStart), #""stream_options":{"include_usage":true},"#)
        case .null(let range): return (range, #"{"include_usage":true}"#)
        case .object(let open, let isEmpty, .absent):
            return (inside(open), isEmpty ? #""include_usage":true"# : #""include_usage":true,"#)
        case .object(_, _, .null(let range)), .object(_, _, .no(let range)): return (range, "true")
        case .object(_, _, .yes): return nil
        }
    }

    private mutating func append(_ part: Part) {
        guard part.count > 0 else { return }
        parts.append(part)
        count += part.count
    }

    /// Copies the bytes of the spliced body that begin at `offset` into `target`, as many as fit.
    ///
    /// - Returns: The number of bytes that were copied, 0 at the end of the body.
    @unsafe package func copy(
        from body: RequestBody,
        offset: Int,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int {
        var start = 0
        var copied = 0
        for part in parts {
            defer { start += part.count }
            let skipped = max(0, offset + copied - start)
            guard skipped < part.count, copied < target.count else { continue }
            let length = min(part.count - skipped, target.count - copied)
            let destination = unsafe UnsafeMutableRawBufferPointer(rebasing: target[copied..<copied + length])
            switch part {
            case .literal(let bytes): unsafe destination.copyBytes(from: bytes[skipped..<skipped + length])
            case .original(let range):
                let first = range.lowerBound + skipped
                unsafe body.withPaddedBytes { bytes in
                    unsafe destination.copyMemory(
                        from: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[first..<first + length]))
                    )
                }
            }
            copied += length
        }
        return copied
    }

    /// The whole spliced body as one array.
    package func bytes(of body: RequestBody) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe copy(from: body, offset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
