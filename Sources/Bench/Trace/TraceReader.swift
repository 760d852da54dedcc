// Reads the lines of a trace file in any format of `TraceFormat`; an error names the line that is wrong.
internal import Inference
internal import Transport

/// Reads the requests of a trace, line by line.
struct TraceReader {
    /// The maximum length of a line.
    ///
    /// A line becomes a tree of JSON values, which needs some twenty times the memory of the line.
    private static let lineMax = 1 << 20
    /// The maximum length of a prompt or an answer, in tokens.
    private static let tokensMax = 4 << 20
    /// The latest time of a request, in milliseconds: the year 2286, if the times count from 1970.
    private static let millisecondsMax = 1e13

    private let name: String
    /// The number of the current line, from 1.
    private var number = 0
    private var isHeaderRead = false
    /// The format; nil until the first line has been recognized.
    private(set) var format: TraceFormat?
    /// The requests in the order of their lines; times count from an arbitrary moment.
    private(set) var requests: [TraceFile.Request] = []
    private(set) var blockNumbers: [Int] = []

    /// Makes a reader.
    ///
    /// - Parameters:
    ///   - name: the name of the file, for error messages.
    ///   - format: the format; nil to recognize it by the first line.
    init(name: String, format: TraceFormat?) {
        self.name = name
        self.format = format
    }

    /// Reads all lines; empty lines are skipped.
    mutating func read(_ bytes: [UInt8]) throws(BenchError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
            number += 1
            try take(rest[..<end])
            rest = rest[min(end + 1, rest.endIndex)...]
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>) throws(BenchError) {
        var line = line
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        guard line.contains(where: { $0 != 0x20 && $0 != 0x09 }) else { return }
        guard line.count <= Self.lineMax else { throw failure("longer than 1 MiB") }
        guard let format = format ?? TraceFormat(firstLine: line) else {
            throw failure("neither a JSON object nor \(TraceFormat.azureHeader)")
        }
        self.format = format
        switch format {
        case .mooncake: try takeMooncake(Array(line))
        case .azure: try takeAzure(line)
        }
    }

    private func failure(_ what: String) -> BenchError { BenchError("\(name), line \(number): \(what)") }

    private func checkedTokens(_ value: Int?, _ field: String, atLeast least: Int) throws(BenchError) -> Int {
        guard let value, (least...Self.tokensMax).contains(value) else {
            throw failure("\(field) is not a whole number from \(least) to \(Self.tokensMax)")
        }
        return value
    }

    // MARK: Mooncake's format

    private mutating func takeMooncake(_ line: [UInt8]) throws(BenchError) {
        guard let object = JSONValue(parsing: line) else { throw failure("not valid JSON") }
        guard case .object = object else { throw failure("not a JSON object") }
        guard let time = try member("timestamp", of: object).double, (0...Self.millisecondsMax).contains(time) else {
            throw failure("timestamp is not a number of milliseconds from 0")
        }
        let input = try tokens("input_length", of: object, atLeast: 1)
        let output = try tokens("output_length", of: object, atLeast: 0)
        let blocks = try readBlocks(of: object, tokens: input)
        requests.append(
            TraceFile.Request(
                time: Nanoseconds(time * 1e6),
                inputTokens: input,
                outputTokens: output,
                blocks: blocks
            )
        )
    }

    private func member(_ name: String, of object: JSONValue) throws(BenchError) -> JSONValue {
        guard let value = object[name] else { throw failure("\(name) is missing") }
        return value
    }

    private func tokens(_ name: String, of object: JSONValue, atLeast least: Int) throws(BenchError) -> Int {
        try checkedTokens(try member(name, of: object).integer, name, atLeast: least)
    }

    /// Reads the array `hash_ids`, which must have one element for each block of the prompt.
    ///
    /// A block has 512 tokens, but the last block of a prompt may have fewer.
    ///
    /// - Parameter tokens: the length of the prompt, in tokens.
    /// - Returns: the range of the indices in `blockNumbers` at which the elements are now stored.
    private mutating func readBlocks(of object: JSONValue, tokens: Int) throws(BenchError) -> Range<Int> {
        guard let values = try member("hash_ids", of: object).array else { throw failure("hash_ids is not an array") }
        let needed = (tokens + TraceFile.blockTokens - 1) / TraceFile.blockTokens
        guard values.count == needed else {
            throw failure(
                "hash_ids has \(values.count) elements, but input_length \(tokens) makes \(needed) of "
                    + "\(TraceFile.blockTokens) tokens each"
            )
        }
        let start = blockNumbers.count
        for value in values {
            guard let number = value.integer, number >= 0 else {
                throw failure("hash_ids has an element that is not a whole number from 0")
            }
            blockNumbers.append(number)
        }
        return start..<blockNumbers.count
    }

    // MARK: Azure's format

    private mutating func takeAzure(_ line: ArraySlice<UInt8>) throws(BenchError) {
        guard isHeaderRead else {
            guard line.elementsEqual(TraceFormat.azureHeader.utf8) else {
                throw failure("the header is not \(TraceFormat.azureHeader)")
            }
            isHeaderRead = true
            return
        }
        let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard fields.count == 3 else { throw failure("\(fields.count) fields in place of 3") }
        guard let time = Self.time(fields[0]) else {
            throw failure("TIMESTAMP is not a time such as 2023-11-16 18:17:03.9799600")
        }
        let input = try checkedTokens(Int(fields[1]), "ContextTokens", atLeast: 1)
        let output = try checkedTokens(Int(fields[2]), "GeneratedTokens", atLeast: 0)
        requests.append(TraceFile.Request(time: time, inputTokens: input, outputTokens: output, blocks: 0..<0))
    }

    /// Parses a UTC time with up to nine decimal places of a second, such as `2023-11-16 18:17:03.9799600` and
    /// `2024-05-10 00:00:00.009930+00:00`, into nanoseconds since 1970; nil for any other text.
    private static func time(_ text: String) -> Nanoseconds? {
        var text = text[...]
        if text.hasSuffix("+00:00") { text = text.dropLast(6) }
        let words = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let moment = words[0].split(separator: " ", omittingEmptySubsequences: false)
        guard moment.count == 2, let seconds = Timestamp.seconds("\(moment[0])T\(moment[1])Z"),
            Double(seconds) * 1000 <= millisecondsMax
        else { return nil }
        guard words.count == 2 else { return Nanoseconds(seconds) * 1_000_000_000 }
        let digits = words[1].utf8
        guard (1...9).contains(digits.count), digits.allSatisfy({ $0.isDigit }), let fraction = Nanoseconds(words[1])
        else { return nil }
        let unit = (digits.count..<9).reduce(Nanoseconds(1)) { unit, _ in unit * 10 }
        return Nanoseconds(seconds) * 1_000_000_000 + fraction * unit
    }
}
