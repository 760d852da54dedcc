// Random bodies with a billing header, also with random changes: what is sent is the same JSON without the header.

import Inference
import Testing

@Suite struct BillingHeaderMutationTests {
    private static let name = "x-anthropic-billing-header:"
    private let scanner = JSONScanner()

    /// The body as it is sent without the billing header, and whether it had one; nil if the scan refuses the body.
    private func stripped(_ bytes: [UInt8], _ dialect: Dialect) -> (sent: [UInt8], hadHeader: Bool)? {
        let body = RequestBody()
        body.append(bytes.span)
        guard let scan = try? scanner.scanRequest(body, dialect: dialect) else { return nil }
        let splice = BodySplice(
            scan,
            length: bytes.count,
            dialect: dialect,
            executorModel: scan.model,
            asksForUsage: false,
            stripsBilling: true
        )
        return (splice.bytes(of: body), scan.billing != nil)
    }

    // MARK: Random bodies

    /// A request body with a billing header, and the body that the edge is expected to send in its place.
    private struct Sample {
        var body = ""
        var expected = ""

        mutating func both(_ text: String) {
            body += text
            expected += text
        }
    }

    private func space(_ random: inout Seeded) -> String {
        ["", "", " ", "\n\t", "\r\n  "].randomElement(using: &random)!
    }

    /// A billing header with its line end, and the text that follows it.
    private func prompt(_ random: inout Seeded) -> (header: String, rest: String) {
        let ends = ["", #"\n"#, #"\n\n"#, #"\r\n"#, #" \u000a"#]
        let header = "\(Self.name) cc_version=2.1.\(Int.random(in: 0..<300, using: &random)); cch=\(random.next());"
        let rests = ["", "You are Claude.", #"\"é\" \u0041 }],{[ \\"#, "\(Self.name) cch=1;"]
        let rest = rests.randomElement(using: &random)!
        // The edge does not remove a header if an escape sequence follows on the same line. So a line end always
        // separates header and text.
        return (header + (rest.isEmpty ? ends : Array(ends.dropFirst())).randomElement(using: &random)!, rest)
    }

    /// The JSON of one text block, with the placeholder `TEXT` where its text belongs.
    private func block(_ random: inout Seeded) -> String {
        var members = [#""type":"text""#, "\"text\":\(space(&random))\"TEXT\""]
        if Bool.random(using: &random) { members.append(#""cache_control":{"type":"ephemeral","x":["}"]}"#) }
        return "{" + members.shuffled(using: &random).joined(separator: space(&random) + ",") + "}"
    }

    /// Appends an array of text blocks, the first of which has a text that begins with a billing header.
    private func blocks(_ sample: inout Sample, _ random: inout Seeded) {
        let (header, rest) = prompt(&random)
        sample.both("[" + space(&random))
        let first = block(&random)
        sample.body += first.replacing("TEXT", with: header + rest)
        if !rest.isEmpty { sample.expected += first.replacing("TEXT", with: rest) }
        for index in 0..<Int.random(in: 0...2, using: &random) {
            let separator = space(&random) + "," + space(&random)
            if index == 0, rest.isEmpty { sample.body += separator } else { sample.both(separator) }
            let text = [rest, header, "x"].randomElement(using: &random)!
            sample.both(block(&random).replacing("TEXT", with: text))
        }
        sample.both(space(&random) + "]")
    }

    private func systemPrompt(_ sample: inout Sample, _ random: inout Seeded) {
        guard Bool.random(using: &random) else { return blocks(&sample, &random) }
        let (header, rest) = prompt(&random)
        sample.body += "\"\(header)\(rest)\""
        sample.expected += "\"\(rest)\""
    }

    private func sample(_ dialect: Dialect, _ random: inout Seeded) -> Sample {
        var sample = Sample()
        let others = [
            #""model":"m""#, #""stream":false"#, #""tools":[{"name":"\#(Self.name) a=b;","system":["\#(Self.name)"]}]"#,
        ].shuffled(using: &random)
        sample.both(space(&random) + "{" + others[0] + "," + others[1] + "," + space(&random))
        if dialect == .openAIChat {
            sample.both(#""messages":[{"role":"system","content":"#)
            systemPrompt(&sample, &random)
            sample.both(#"},{"role":"user","content":"\#(Self.name) a=b;"}]"#)
        } else {
            sample.both("\"system\"" + space(&random) + ":")
            systemPrompt(&sample, &random)
            sample.both(#","messages":[{"role":"user","content":"\#(Self.name) a=b;"}]"#)
        }
        sample.both(space(&random) + "," + others[2] + "}" + space(&random))
        return sample
    }

    @Test(arguments: 0..<8) func aRandomBodyIsSentWithoutItsHeader(seed: UInt64) throws {
        var random = Seeded(state: seed)
        for _ in 0..<100 {
            let dialect = [Dialect.messages, .countTokens, .openAIChat].randomElement(using: &random)!
            let sample = sample(dialect, &random)
            let (sent, hadHeader) = try #require(stripped(Array(sample.body.utf8), dialect))
            #expect(hadHeader)
            #expect(text(sent) == sample.expected, "\(sample.body)")
            try check(Array(sample.body.utf8), sent, dialect)
        }
    }

    // MARK: Random changes

    @Test(arguments: 0..<20) func aChangedBodyLosesNothingElse(seed: UInt64) throws {
        var random = Seeded(state: seed)
        let words = #""{}[],: ;0\"#.map(String.init) + [#"\n"#, #""text":"#, #""type":"image","#]
        var headers = 0
        for _ in 0..<300 {
            let dialect = [Dialect.messages, .countTokens, .openAIChat].randomElement(using: &random)!
            var bytes = Array(sample(dialect, &random).body.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0x20..<0x7F, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(contentsOf: words.randomElement(using: &random)!.utf8, at: index)
                }
            }
            guard let (sent, hadHeader) = stripped(bytes, dialect) else { continue }
            guard hadHeader else {
                #expect(sent == bytes)
                continue
            }
            headers += 1
            try check(bytes, sent, dialect)
        }
        #expect(headers > 30)
    }

    /// Checks that `sent` is `bytes` without a billing header at the beginning of the system prompt.
    private func check(_ bytes: [UInt8], _ sent: [UInt8], _ dialect: Dialect) throws {
        let before = JSONValue(parsing: bytes)
        let after = JSONValue(parsing: sent)
        #expect((before == nil) == (after == nil), "valid: \(before != nil) \(after != nil): \(text(bytes))")
        guard let before, let after else { return }
        let path: [String] = dialect == .openAIChat ? ["messages", "0", "content"] : ["system"]
        let old = try #require(before.value(at: path))
        let new = try #require(after.value(at: path))
        #expect(before.replacing(at: path, with: new) == after, "more has changed: \(text(bytes))")
        switch (old, new) {
        case (.string(let old), .string(let new)): expectSuffix(new, of: old)
        case (.array(let old), .array(let new)) where old.count == new.count:
            #expect(old.dropFirst() == new.dropFirst())
            let oldText = try #require(old[0]["text"]?.string)
            let newText = try #require(new[0]["text"]?.string)
            expectSuffix(newText, of: oldText)
            #expect(old[0].replacing(at: ["text"], with: .string(newText)) == new[0])
        case (.array(let old), .array(let new)):
            #expect(Array(old.dropFirst()) == new)
            #expect(old[0]["text"]?.string?.hasPrefix(Self.name) == true && old[0]["type"]?.string == "text")
        default: Issue.record("another type: \(text(bytes))")
        }
    }

    private func expectSuffix(_ new: String, of old: String) {
        let removed = old.utf8.dropLast(new.utf8.count)
        #expect(old.utf8.suffix(new.utf8.count).elementsEqual(new.utf8))
        #expect(removed.starts(with: Self.name.utf8), "\(old)")
    }
}

extension JSONValue {
    /// The value at the end of a path of keys and indices; nil if it is absent.
    fileprivate func value(at path: [String]) -> JSONValue? {
        guard let step = path.first else { return self }
        let next = Int(step).map { index in array.flatMap { index < $0.count ? $0[index] : nil } } ?? self[step]
        return next?.value(at: Array(path.dropFirst()))
    }

    /// A copy in which the value at the end of a path of keys and indices is replaced by `new`.
    fileprivate func replacing(at path: [String], with new: JSONValue) -> JSONValue {
        guard let step = path.first else { return new }
        let rest = Array(path.dropFirst())
        switch self {
        case .array(var values):
            guard let index = Int(step), index < values.count else { return self }
            values[index] = values[index].replacing(at: rest, with: new)
            return .array(values)
        case .object(var members):
            guard let index = members.firstIndex(where: { $0.key == step }) else { return self }
            members[index].value = members[index].value.replacing(at: rest, with: new)
            return .object(members)
        default: return self
        }
    }
}
