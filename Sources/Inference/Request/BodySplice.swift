// What an attempt sends instead of the client's body: ranges of the original and the few bytes put between them.

internal import Transport

package struct BodySplice: Equatable, Sendable {
    package enum Part: Equatable, Sendable {
        case original(Range<Int>)
        case literal([UInt8])

        package var count: Int {
            switch self {
            case .original(let range): range.count
            case .literal(let bytes): bytes.count
            }
        }
    }

    package private(set) var parts: [Part] = []
    /// The length of the whole.
    package private(set) var count = 0
    /// The usage was not asked for by the client, so it is removed from the answer.
    package var removesUsage: Bool { usage != nil }
    private struct UsageRequest: Equatable {
        /// Its position in `parts`.
        var part: Int
        /// What stands there in the original.
        var original: Range<Int>
    }
    private var usage: UsageRequest?

    /// The body as it is.
    package init(unchanged length: Int) { append(.original(0..<length)) }

    /// The body for one attempt: the executor's name for the model and, for streams of choices, usage asked for.
    ///
    /// `asksForUsage` is the executor's `include_usage`.
    package init(_ scan: RequestScan, length: Int, dialect: Dialect, executorModel: String, asksForUsage: Bool) {
        var edits: [(range: Range<Int>, text: [UInt8], asksForUsage: Bool)] = []
        // By their bytes: a name that only Unicode takes for the executor's would be sent as it came.
        if !executorModel.hasBytes(of: scan.model) {
            var name: [UInt8] = []
            JSONWriter.append(executorModel, to: &name)
            edits.append((scan.rawModel, name, false))
        }
        if dialect.streamsChoices, scan.stream, asksForUsage, let edit = Self.usageEdit(scan) {
            edits.append((edit.range, Array(edit.text.utf8), true))
        }
        edits.sort { $0.range.lowerBound < $1.range.lowerBound }
        var position = 0
        for edit in edits {
            append(.original(position..<edit.range.lowerBound))
            if edit.asksForUsage { usage = UsageRequest(part: parts.count, original: edit.range) }
            append(.literal(edit.text))
            position = edit.range.upperBound
        }
        append(.original(position..<length))
    }

    /// The same without the request for the usage, for an engine that does not know it; nil where it is the client's own.
    package var withoutUsage: BodySplice? {
        guard let usage else { return nil }
        var splice = BodySplice()
        for (index, part) in parts.enumerated() {
            splice.append(index == usage.part ? .original(usage.original) : part)
        }
        return splice
    }

    private init() {}

    /// The edit that makes `include_usage` true; nil when it is.
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

    /// Copies what stands at `offset` of the spliced body; returns how many bytes that were, 0 at its end.
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
            let place = unsafe UnsafeMutableRawBufferPointer(rebasing: target[copied..<copied + length])
            switch part {
            case .literal(let bytes): unsafe place.copyBytes(from: bytes[skipped..<skipped + length])
            case .original(let range):
                let first = range.lowerBound + skipped
                unsafe body.withPaddedBytes { bytes in
                    unsafe place.copyMemory(
                        from: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[first..<first + length]))
                    )
                }
            }
            copied += length
        }
        return copied
    }

    /// The whole spliced body.
    package func bytes(of body: RequestBody) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe copy(from: body, offset: 0, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }
}
