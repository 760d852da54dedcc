// Fuzzes request bodies: the edge's scan finds what another JSON parser finds, and a body that the edge has changed for
// an executor has the intended content.
import Inference
import LoopTesting

final class JSONTarget: FuzzTarget {
    static let name = "json"
    private let scanner = JSONScanner()

    /// A model name that contains every kind of character to escape.
    private static let executorModel = "the \"model\"\\ of\n\u{1}/\u{fc}\u{1F600}"

    /// Names of members that each scan also looks for, some of which it reads for other purposes, too.
    private static let names = {
        var names = MemberNames()
        for name in ["user", "sessionId", "metadata.user_id", "Extra.threadId", "model", "stream_options.a"] {
            _ = names.add(name)
        }
        return names
    }()

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let form = input.choice()
        let cuts = Cuts(input.choice())
        let bytes = input.rest
        let dialect = Dialect.allCases[Int(form & 7)]
        let body = Self.body(bytes, cuts, hint: form & 8 != 0 ? bytes.count : 0)
        body.withBytes { findings.expect($0.count == bytes.count, "\($0.count) of \(bytes.count) bytes") }
        readAnswers(bytes, findings)
        let scan: RequestScan
        do throws(RequestScanError) {
            scan = try scanner.scanRequest(body, dialect: dialect, naming: Self.names)
        } catch {
            findings.expect(!error.message.isEmpty, "an error without a message")
            refused(bytes, error, dialect, findings)
            return
        }
        for range in scan.named where !range.isEmpty {
            let text = range.upperBound <= bytes.count ? Array(bytes[range]) : []
            let isString = text.count >= 2 && text.first == 0x22 && text.last == 0x22
            findings.expect(isString, "a named member that is no string: \(range)")
        }
        compare(scan, with: bytes, dialect, findings)
        checkMedia(scan.media, of: bytes, findings)
        splice(scan, bytes, body, dialect, asksForUsage: form & 16 != 0, findings)
    }

    /// Checks that the media parts lie within the body, and that none is counted twice.
    private func checkMedia(_ media: RequestMedia, of bytes: [UInt8], _ findings: Findings) {
        let decoded =
            media.textBytes + media.audioBytes + media.rawAudioBytes + media.videoBytes + media.fileBytes
        findings.expect(media.rawBytes <= bytes.count, "more media than body: \(shown(bytes))")
        findings.expect(decoded <= media.rawBytes, "more decoded than encoded: \(shown(bytes))")
        findings.expect(media.images + media.references <= bytes.count / 16, "too many images: \(shown(bytes))")
        let tokens = MediaTokens().promptBytes(of: media, bodyBytes: bytes.count)
        findings.expect(tokens >= bytes.count - media.rawBytes, "fewer prompt bytes than text: \(shown(bytes))")
    }

    private static func body(_ bytes: [UInt8], _ cuts: Cuts, hint: Int) -> RequestBody {
        let body = RequestBody(expecting: hint)
        var cuts = cuts
        for piece in cuts.pieces(of: bytes.count) { body.append(bytes.span.extracting(piece)) }
        return body
    }

    /// Scans the same bytes as a response of an executor.
    private func readAnswers(_ bytes: [UInt8], _ findings: Findings) {
        let answer = scanner.scanAnswer(bytes.span)
        findings.expect(answer == scanner.scanAnswer(bytes.span), "two scans of one answer differ: \(shown(bytes))")
        findings.expect(answer.finished == 0 || answer.finishReason != nil, "a finish without its reason")
        findings.expect((answer.finishReason?.count ?? 0) <= 32, "a long finish reason")
        findings.expect(!answer.hasEmptyChoices || answer.hasChoices, "choices that are empty and absent")
        let event = scanner.scanEvent((Array("data: ".utf8) + bytes + [10, 10]).span)
        guard answer.isValid, !bytes.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return }
        findings.expect(event == answer, "as an event it is another: \(shown(bytes)) \(event) \(answer)")
    }

    // MARK: Comparison with another parser

    /// The members of the body as a strict parser reads them; nil if it rejects the body, or if a key occurs twice.
    private func strict(_ bytes: [UInt8]) -> [JSONValue.Member]? {
        guard case .object(let members)? = JSONValue(parsing: bytes) else { return nil }
        guard Set(members.map(\.key)).count == members.count else { return nil }
        return members
    }

    private func refused(_ bytes: [UInt8], _ error: RequestScanError, _ dialect: Dialect, _ findings: Findings) {
        // The edge's parser and the test's own one may differ on large numbers and on invalid Unicode. So such bodies
        // are not compared.
        guard let members = strict(bytes), String(validating: bytes, as: UTF8.self) != nil else { return }
        let all = JSONValue.object(members)
        switch error {
        case .missingModel: findings.expect((all["model"]?.string ?? "").isEmpty, "there is a model: \(shown(bytes))")
        case .tooLong: findings.expect((all["model"]?.string?.utf8.count ?? 0) > 1024, "not too long: \(shown(bytes))")
        case .notAnObject, .trailingContent: findings.expect(false, "an object and nothing else: \(shown(bytes))")
        case .duplicate(let key):
            let isInside = key == "stream_options.include_usage"
            let areLike = key == "priority" && members.count { Self.folded($0.key) == key } > 8
            findings.expect(isInside || areLike, "'\(key)' is there once: \(shown(bytes))")
        case .ambiguous(let key):
            var names = members.map(\.key)
            if case .object(let options)? = all["stream_options"] { names += options.map(\.key) }
            let found = names.contains { Self.folded($0) == key.split(separator: ".").last }
            findings.expect(found, "no key is like '\(key)': \(shown(bytes))")
        case .wrongType(let key, _):
            let isRight =
                switch key {
                case "model": all[key]?.string != nil
                case "stream": all[key]?.bool != nil
                case "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of":
                    all[key]?.integer.map { abs($0) < 1 << 50 } ?? false
                default: false
                }
            findings.expect(!isRight, "'\(key)' has its type: \(shown(bytes))")
        case .tooSmall(let key, _):
            findings.expect(all[key]?.integer.map { $0 < 1 } ?? true, "'\(key)' is not too small: \(shown(bytes))")
        case .invalidJSON: findings.expect(hasOddNumbers(all) || hasLoneSurrogate(bytes), "it is JSON: \(shown(bytes))")
        }
    }

    /// The key in lower case, up to a NUL, as engines may read it; Swift's Unicode tables give the lower case.
    private static func folded(_ name: String) -> Substring {
        let lower = String(
            String.UnicodeScalarView(name.uppercased().lowercased().unicodeScalars.filter { $0 != "\u{307}" })
        )
        return lower[...].prefix { $0 != "\0" }
    }

    /// Whether the value contains a number that may not fit into a double.
    ///
    /// Of the edge's parser and the test's own one, only one accepts such numbers.
    private func hasOddNumbers(_ value: JSONValue) -> Bool {
        switch value {
        case .double: true
        case .integer(let number): abs(number) > 1 << 53
        case .object(let members): members.contains { hasOddNumbers($0.value) }
        case .array(let values): values.contains { hasOddNumbers($0) }
        default: false
        }
    }

    private func hasLoneSurrogate(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self).lowercased()
        return text.contains("\\ud")
    }

    private func compare(_ scan: RequestScan, with bytes: [UInt8], _ dialect: Dialect, _ findings: Findings) {
        let isInside = scan.rawModel.lowerBound > scan.objectStart && scan.rawModel.upperBound < bytes.count
        findings.expect(isInside, "the model stands at \(scan.rawModel) of \(bytes.count)")
        guard isInside else { return }
        findings.expect(bytes[scan.objectStart] == UInt8(ascii: "{"), "no brace at \(scan.objectStart)")
        let raw = bytes[scan.rawModel]
        findings.expect(raw.count >= 2 && raw.first == 0x22 && raw.last == 0x22, "the model is \(shown(raw))")
        let parts = [scan.prompt.tools, scan.prompt.system, scan.prompt.messages]
        findings.expect(parts.allSatisfy { $0.upperBound < bytes.count }, "the prompt stands at \(scan.prompt)")
        guard let members = strict(bytes), String(validating: bytes, as: UTF8.self) != nil else { return }
        let all = JSONValue.object(members)
        guard !hasLoneSurrogate(bytes) else { return }
        findings.expect(all["model"]?.string == scan.model, "model \(scan.model): \(shown(bytes))")
        findings.expect((all["stream"]?.bool ?? false) == scan.stream, "stream \(scan.stream): \(shown(bytes))")
        comparePrompt(scan.prompt, all, bytes, findings)
        guard dialect.streamsChoices else { return }
        findings.expect((all["n"]?.integer ?? 1) == scan.n, "n \(scan.n): \(shown(bytes))")
        switch scan.streamOptions {
        case .absent: findings.expect(all["stream_options"] == nil, "there are options: \(shown(bytes))")
        case .null: findings.expect(all["stream_options"] == .null, "there are options: \(shown(bytes))")
        case .object(_, let isEmpty, _):
            guard case .object(let options)? = all["stream_options"] else {
                findings.expect(false, "there are no options: \(shown(bytes))")
                return
            }
            findings.expect(options.isEmpty == isEmpty, "options are empty \(isEmpty): \(shown(bytes))")
        }
    }

    /// Checks that each part of the prompt that the scan has found is the value of a member that may hold this part.
    private func comparePrompt(_ prompt: PromptParts, _ all: JSONValue, _ bytes: [UInt8], _ findings: Findings) {
        let parts = [
            (prompt.tools, ["tools"]), (prompt.system, ["system", "instructions"]),
            (prompt.messages, ["messages", "prompt", "input"]),
        ]
        for (range, keys) in parts where !range.isEmpty {
            let value = JSONValue(parsing: Array(bytes[range]))
            let isMember = value != nil && keys.contains { all[$0] == value }
            findings.expect(isMember, "\(keys) stands at \(range): \(shown(bytes))")
        }
    }

    // MARK: Splices

    private func splice(
        _ scan: RequestScan,
        _ bytes: [UInt8],
        _ body: RequestBody,
        _ dialect: Dialect,
        asksForUsage: Bool,
        _ findings: Findings
    ) {
        let same = BodySplice(
            scan,
            length: bytes.count,
            dialect: dialect,
            executorModel: scan.model,
            asksForUsage: false
        )
        let kept = Self.removing(scan.priorities, from: bytes)
        findings.expect(same.bytes(of: body) == kept, "nothing else was to change: \(shown(bytes))")
        checkPriorities(scan.priorities, bytes, kept, findings)
        stripBilling(scan, bytes, body, dialect, findings)
        let model = Self.executorModel
        let splice = BodySplice(
            scan,
            length: bytes.count,
            dialect: dialect,
            executorModel: model,
            asksForUsage: asksForUsage
        )
        let spliced = splice.bytes(of: body)
        findings.expect(splice.count == splice.parts.reduce(0) { $0 + $1.count }, "a count that is no sum")
        findings.expect(splice.count == spliced.count, "\(splice.count) bytes are \(spliced.count)")
        findings.expect(pieces(of: splice, body) == spliced, "in pieces it is another")
        let again = RequestBody(expecting: spliced.count)
        again.append(spliced.span)
        do throws(RequestScanError) {
            let found = try scanner.scanRequest(again, dialect: dialect)
            findings.expect(found.model == model, "the model became \(found.model)")
            let isKept = found.stream == scan.stream && found.maxTokens == scan.maxTokens && found.n == scan.n
            findings.expect(isKept, "other keys changed: \(shown(spliced))")
            guard splice.removesUsage else { return }
            guard case .object(_, _, .yes) = found.streamOptions else {
                findings.expect(false, "usage is not asked for: \(shown(spliced))")
                return
            }
        } catch {
            findings.expect(false, "\(error) in the spliced body: \(shown(spliced))")
        }
    }

    /// The bytes without these ranges, which do not overlap.
    private static func removing(_ ranges: [Range<Int>], from bytes: [UInt8]) -> [UInt8] {
        var rest = bytes
        for range in ranges.sorted(by: { $0.lowerBound > $1.lowerBound }) { rest.removeSubrange(range) }
        return rest
    }

    /// Checks that the edge removes every top-level member `priority` from a body, and nothing else.
    private func checkPriorities(_ ranges: [Range<Int>], _ bytes: [UInt8], _ kept: [UInt8], _ findings: Findings) {
        guard String(validating: bytes, as: UTF8.self) != nil, !hasLoneSurrogate(bytes),
            case .object(var members)? = JSONValue(parsing: bytes)
        else { return }
        members.removeAll { Self.folded($0.key) == "priority" }
        guard case .object(let left)? = JSONValue(parsing: kept) else {
            findings.expect(false, "it is no JSON any more: \(shown(kept))")
            return
        }
        findings.expect(members == left, "not the priorities at \(ranges) alone: \(shown(bytes))")
    }

    /// Checks that the edge removes the billing header from a body and changes nothing else: valid JSON stays valid.
    private func stripBilling(
        _ scan: RequestScan,
        _ bytes: [UInt8],
        _ body: RequestBody,
        _ dialect: Dialect,
        _ findings: Findings
    ) {
        let splice = BodySplice(
            scan,
            length: bytes.count,
            dialect: dialect,
            executorModel: scan.model,
            asksForUsage: false,
            stripsBilling: true
        )
        let sent = splice.bytes(of: body)
        guard let range = scan.billing else {
            let kept = Self.removing(scan.priorities, from: bytes)
            findings.expect(sent == kept, "no header was to leave out")
            return
        }
        let name = Array("x-anthropic-billing-header:".utf8)
        let rest = Self.removing(scan.priorities + [range], from: bytes)
        findings.expect(sent == rest, "more has changed: \(shown(bytes))")
        findings.expect(bytes[range].firstRange(of: name) != nil, "no header is in \(shown(bytes[range]))")
        guard !hasLoneSurrogate(bytes), case .object(var members)? = JSONValue(parsing: bytes) else { return }
        guard case .object(var left)? = JSONValue(parsing: sent) else {
            findings.expect(false, "it is no JSON any more: \(shown(sent))")
            return
        }
        members.removeAll { ["system", "messages"].contains($0.key) || Self.folded($0.key) == "priority" }
        left.removeAll { ["system", "messages"].contains($0.key) }
        findings.expect(members == left, "another member has changed: \(shown(bytes))")
    }

    private func pieces(of splice: BodySplice, _ body: RequestBody) -> [UInt8] {
        var all: [UInt8] = []
        var random = SplitMix(state: UInt64(splice.count))
        while true {
            var buffer = [UInt8](repeating: 0, count: Int.random(in: 1...64, using: &random))
            let count = buffer.withUnsafeMutableBytes { splice.copy(from: body, offset: all.count, into: $0) }
            if count == 0 { return all }
            all += buffer[..<count]
        }
    }
}
