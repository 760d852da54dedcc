// Tests which parts of a request change the hashes of its prompt, and which parts do not.

import Inference
import Routing
import Testing

@Suite struct PromptHasherTests {
    private let hasher = PromptHasher()
    private let scanner = JSONScanner()

    private func hashes(
        _ body: String,
        _ dialect: Dialect = .openAIChat,
        salt: String = "m",
        leavingOutBilling: Bool = false,
        by hasher: PromptHasher? = nil
    ) throws -> [UInt64] {
        let request = RequestBody(body)
        let scan = try scanner.scanRequest(request, dialect: dialect)
        let hasher = hasher ?? self.hasher
        let prefix = hasher.prefix(of: request, scan, salt: salt, leavingOutBilling: leavingOutBilling)
        return prefix.hashes
    }

    /// Text of this length, which repeats random letters; another seed gives another text.
    private func text(_ bytes: Int, seed: UInt64 = 1) -> String {
        var random = Seeded(state: seed)
        let letters = (0..<1021).map { _ in UInt8.random(in: 0x61...0x7A, using: &random) }
        let repeated = String(repeating: String(decoding: letters, as: UTF8.self), count: bytes / letters.count + 1)
        return String(repeated.prefix(bytes))
    }

    private func chat(_ contents: String...) -> String {
        let messages = contents.map { #"{"role":"user","content":"\#($0)"}"# }
        return #"{"model":"m","messages":[\#(messages.joined(separator: ","))]}"#
    }

    private func imagePart(_ data: String) -> String {
        #"{"type":"image_url","image_url":{"url":"data:image/png;base64,\#(data)"}}"#
    }

    private func withImages(_ parts: [String], _ text: String) -> String {
        let text = #"{"type":"text","text":"\#(text)"}"#
        return #"{"model":"m","messages":[{"role":"user","content":[\#((parts + [text]).joined(separator: ","))]}]}"#
    }

    /// The length and the hash of an image stand for its data, so a large image does not use up the hashes of the
    /// prompt.
    @Test func imagesAreHashedAndDoNotCount() throws {
        let (cat, dog) = (String(repeating: "QUJD", count: 5000), String(repeating: "QUJE", count: 5000))
        let found = try hashes(withImages([imagePart(cat)], text(9000)))
        #expect(found.count == 4)
        #expect(try hashes(withImages([imagePart(cat)], text(9000) + text(4096, seed: 3))).prefix(4) == found[...])
        #expect(Set(try hashes(withImages([imagePart(dog)], text(9000)))).isDisjoint(with: found))
        #expect(Set(try hashes(withImages([imagePart(cat + "QUJD")], text(9000)))).isDisjoint(with: found))
        #expect(Set(try hashes(withImages([imagePart(cat), imagePart(cat)], text(9000)))).isDisjoint(with: found))
        // The hashes of the text before an image are the same for different images.
        let before = #"{"type":"text","text":"\#(text(5000))"}"#
        let cats = try hashes(withImages([before, imagePart(cat)], text(9000)))
        let dogs = try hashes(withImages([before, imagePart(dog)], text(9000)))
        #expect(cats.prefix(2) == dogs.prefix(2) && Set(cats.dropFirst(2)).isDisjoint(with: dogs.dropFirst(2)))
    }

    /// The scan of a request finds at most 32 images, so a prompt with more images is not hashed.
    @Test(arguments: [(32, true), (33, false)]) func tooManyImagesAreNotLookedAt(count: Int, isHashed: Bool) throws {
        let image = imagePart(String(repeating: "QUJD", count: 100))
        let found = try hashes(withImages(Array(repeating: image, count: count), text(9000)))
        #expect(found.isEmpty != isHashed)
    }

    @Test func theSamePromptHasTheSameHashes() throws {
        let body = chat(text(9000))
        let found = try hashes(body)
        #expect(found.count == 4 && Set(found).count == 4)
        #expect(try hashes(body) == found)
    }

    /// Two prompts of 64 KiB differ in one byte: the hashes that end before this byte are equal, and all others differ.
    @Test(arguments: [1, 2047, 2048, 2049, 30_000, 65_534])
    func aDifferenceChangesTheHashesFromItsMarkOn(difference: Int) throws {
        func body(_ text: [UInt8]) -> String {
            #"{"model":"m","messages":\#(String(decoding: text, as: UTF8.self))}"#
        }
        // The messages are one JSON string, so that exactly its bytes are the prompt that is hashed.
        var value = Array("\"\(text((64 << 10) - 2))\"".utf8)
        let before = try hashes(body(value))
        value[difference] = UInt8(ascii: "#")
        let after = try hashes(body(value))
        #expect(before.count == 32 && after.count == 32)
        let same = difference / PromptPrefix.step
        #expect(before.prefix(same) == after.prefix(same))
        #expect(Set(before.dropFirst(same)).isDisjoint(with: after.dropFirst(same)))
    }

    @Test func aLongerConversationKeepsTheHashesOfItsBeginning() throws {
        let first = try hashes(chat(text(10_000)))
        let second = try hashes(chat(text(10_000), "and now?", text(10_000, seed: 2)))
        #expect(first.count == 4 && second.count == 9 && second.starts(with: first))
    }

    @Test func marksAreWhereThePrefixSaysTheyAre() throws {
        for bytes in [2047, 2048, 4095, 4096, 131_071, 131_072, 139_263, 139_264, 524_287, 524_288, 600_000] {
            let body = #"{"model":"m","prompt":"\#(text(bytes - 2))"}"#
            let count = try hashes(body, .completions).count
            let expected = (0..<PromptPrefix.marksMax).count { PromptPrefix.bytes(at: $0) <= bytes }
            #expect(count == expected, "\(bytes) bytes")
        }
    }

    @Test func aLongPromptHasAllHashesAndAShortOneNone() throws {
        let long = try hashes(chat(text(600_000)))
        #expect(long.count == PromptPrefix.marksMax && Set(long).count == long.count)
        // A prompt is hashed up to the last mark, a fixed number of bytes. Later bytes do not change its hashes.
        #expect(try hashes(chat(text(600_000) + "more")) == long)
        #expect(try hashes(chat("hello")) == [])
        #expect(try hashes(chat(text(2000))) == [])
    }

    @Test func saltsAndSecretsChangeAllHashes() throws {
        let body = chat(text(20_000))
        let found = Set(try hashes(body))
        #expect(found.count == 9)
        for salt in ["", "n", "m\0", "mm"] {
            let salted = try hashes(body, salt: salt)
            #expect(salted.count == 9 && found.isDisjoint(with: salted), "\(salt)")
        }
        let others = try hashes(body, by: PromptHasher())
        #expect(others.count == 9 && found.isDisjoint(with: others))
    }

    @Test func anAmbiguousPromptHasNoHashes() throws {
        let messages = #"[{"role":"user","content":"\#(text(5000))"}]"#
        for second in ["messages", "Messages", #"messag\u0065s"#] {
            #expect(try hashes(#"{"model":"m","messages":\#(messages),"\#(second)":\#(messages)}"#) == [])
        }
    }

    @Test func membersAroundThePromptDoNotMatter() throws {
        let tools = #"[{"name":"\#(text(3000, seed: 3))"}]"#
        let messages = #"[{"role":"user","content":"\#(text(5000))"}]"#
        let found = try hashes(#"{"model":"m","tools":\#(tools),"messages":\#(messages)}"#)
        #expect(found.count == 3)
        for body in [
            #"{"messages":\#(messages),"tools":\#(tools),"model":"m"}"#,
            #"{"messages":\#(messages),"model":"m","tools":\#(tools),"n":1}"#,
            #"{"stream":true,"messages":\#(messages),"temperature":0.5,"tools":\#(tools),"model":"other"}"#,
            "  { \"messages\" :\t\(messages) \n,\r\n \"tools\": \(tools)  , \"model\":\"m\" } \n",
            #"{"m\u0065ssages":\#(messages),"t\u006fols":\#(tools),"model":"m"}"#,
        ] { #expect(try hashes(body) == found, "\(body)") }
    }

    /// The same bytes give other hashes in another part of a request: as `system`, `tools` or `messages`.
    @Test func partsAreNotConfused() throws {
        let value = #""\#(text(5000))""#
        let system = try hashes(#"{"model":"m","system":\#(value)}"#, .messages)
        let tools = try hashes(#"{"model":"m","tools":\#(value)}"#, .messages)
        let messages = try hashes(#"{"model":"m","messages":\#(value)}"#, .messages)
        let both = try hashes(#"{"model":"m","tools":1,"messages":\#(value)}"#, .messages)
        #expect(Set(system + tools + messages + both).count == 8)
    }

    @Test(arguments: [
        (Dialect.openAIChat, ["tools", "messages"]), (.completions, ["prompt"]),
        (.messages, ["tools", "system", "messages"]), (.countTokens, ["tools", "system", "messages"]),
        (.responses, ["tools", "instructions", "input"]),
    ]) func allMembersOfTheDialectsPromptCount(dialect: Dialect, members: [String]) throws {
        func body(_ seed: (_ index: Int) -> UInt64) -> String {
            let members = members.enumerated().map { #""\#($1)":"\#(text(4000, seed: seed($0)))""# }
            return #"{"model":"m",\#(members.joined(separator: ","))}"#
        }
        let found = try hashes(body { UInt64($0) + 1 }, dialect)
        #expect(found.count == 4002 * members.count / 2048)
        for changed in members.indices {
            let others = try hashes(body { $0 == changed ? 99 : UInt64($0) + 1 }, dialect)
            let same = 4002 * changed / 2048
            #expect(others.count == found.count && others.prefix(same) == found.prefix(same))
            #expect(Set(others.dropFirst(same)).isDisjoint(with: found.dropFirst(same)))
        }
    }

    @Test func otherDialectsHaveNone() throws {
        let value = text(5000)
        let body = #"{"model":"m","input":"\#(value)","prompt":"\#(value)","messages":"\#(value)"}"#
        for dialect in [Dialect.embeddings, .rerank, .other, .tokenize] { #expect(try hashes(body, dialect) == []) }
    }

    @Test func theBillingHeaderIsLeftOutIfAsked() throws {
        let rest = #"{"type":"text","text":"\#(text(5000))"}"#
        func block(_ cch: String) -> String {
            #"{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=\#(cch);"},"#
        }
        func messages(_ block: String) -> String {
            #"{"model":"m","tools":[1],"system":[\#(block)\#(rest)],"messages":[2]}"#
        }
        func chat(_ block: String) -> String {
            #"{"messages":[{"role":"system","content":[\#(block)\#(rest)]}],"model":"m"}"#
        }
        func line(_ line: String) -> String { #"{"model":"m","system":"\#(line)\#(text(5000))"}"# }
        let header = #"x-anthropic-billing-header: cch=1;\n"#
        for (first, second, none, dialect) in [
            (messages(block("fa690")), messages(block("00000")), messages(""), Dialect.messages),
            (messages(block("1")), messages(block("22")), messages(""), .countTokens),
            (chat(block("fa690")), chat(block("1")), chat(""), .openAIChat),
            (line(header), line(header + #"\n"#), line(""), .messages),
        ] {
            let expected = try hashes(none, dialect)
            #expect(expected.count == 2)
            #expect(try hashes(none, dialect, leavingOutBilling: true) == expected)
            #expect(try hashes(first, dialect, leavingOutBilling: true) == expected)
            #expect(try hashes(second, dialect, leavingOutBilling: true) == expected)
            let others = try hashes(second, dialect) + expected
            #expect(Set(try hashes(first, dialect)).isDisjoint(with: others))
        }
    }
}
