// Images, audio, video and files in a request body, in the format of each API.

import Foundation
import Inference
import Testing

@Suite struct RequestMediaTests {
    private let scanner = JSONScanner()

    /// 3000 bytes of binary data, which are 4000 characters of base64.
    ///
    /// Computed anew at each use, because LeakSanitizer reports the storage of a static `Data` as a leak.
    private static var bytes: Data { Data((0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }) }
    private static let base64 = bytes.base64EncodedString()
    private static var words: Data { Data(String(repeating: "some words of a file\n", count: 100).utf8) }

    private func scan(_ body: String, _ dialect: Dialect = .openAIChat) throws -> RequestScan {
        let found = try scanner.scanRequest(RequestBody(body), dialect: dialect)
        #expect(found.model == "m", "what was read before the walk stays")
        return found
    }

    private func media(_ change: (inout RequestMedia) -> Void) -> RequestMedia {
        var media = RequestMedia()
        change(&media)
        return media
    }

    private func chat(_ parts: String) -> String {
        #"{"messages":[{"role":"user","content":[{"type":"text","text":"what is \"image_url\": this?"},\#(parts)]}],"model":"m"}"#
    }

    @Test func textIsNoMedia() throws {
        for content in [
            #""hello""#, #"[{"type":"text","text":"data:image/png;base64,AAAA"}]"#, #""file_data""#, "null",
        ] {
            let body = #"{"model":"m","messages":[{"role":"user","content":\#(content)}]}"#
            #expect(try scan(body).media == RequestMedia())
        }
        let tools =
            #"{"model":"m","tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"#
            + #""file":{"type":"string"},"image":{"type":"string","enum":["image","video"]}}}}}],"messages":[]}"#
        #expect(try scan(tools).media == RequestMedia())
    }

    /// The same 3000 bytes in the format of each API; `@` is replaced by the base64 of the bytes.
    @Test(arguments: [
        (#"{"type":"image_url","image_url":{"url":"data:image/png;base64,@","detail":"high"}}"#, Dialect.openAIChat),
        (#"{"image_url":{"url":"data:image\/png;base64,@"},"type":"image_url"}"#, .openAIChat),
        (#"{"type":"input_image","image_url":"data:image/jpeg;base64,@"}"#, .responses),
        (
            #"{"type":"computer_call_output","output":{"type":"computer_screenshot","image_url":"data:image/png;base64,@"}}"#,
            .responses
        ),
        (#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"@"}}"#, .messages),
        (#"{"source":{"data":"@","media_type":"image/webp","type":"base64"},"type":"image"}"#, .messages),
        (
            #"{"type":"tool_result","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"@"}}]}"#,
            .messages
        ),
        (#"{"type":"file","file":{"file_data":"data:image/png;base64,@","filename":"a"}}"#, .openAIChat),
        (#"{"image":"data:image/png;base64,@"}"#, .embeddings),
    ]) func picturesCountOneByOne(part: String, dialect: Dialect) throws {
        let found = try scan(chat(part.replacing("@", with: Self.base64)), dialect).media
        #expect(found == media { ($0.images, $0.rawBytes) = (1, 4000) })
        let two = try scan(chat([part, part].joined(separator: ",").replacing("@", with: Self.base64)), dialect).media
        #expect(two.images == 2 && two.rawBytes == 8000)
    }

    /// Images outside of a message's content parts: in lists, in other endpoints' inputs, and in an engine's earlier
    /// output.
    @Test(arguments: [
        #""images":["data:image/png;base64,@"]"#, #""images":["@"]"#, #""input":["data:image/webp;base64,@"]"#,
        #""input":"DATA:image/png;BASE64,@""#, #""prompt":{"prompt_string":"x","multimodal_data":["@"]}"#,
        #""image_data":["@"]"#, #""documents":["data:image/png;base64,@","words"]"#,
        #""input":[{"type":"image_generation_call","id":"i","result":"@"}]"#,
        #""input":[{"type":"image_embeds","image_embeds":"@"}]"#, #""input":{"image_embeds":"@"}"#,
        #""data":{"data":"data:image/tiff;base64,@","data_format":"path"}"#,
    ]) func picturesThatAreNoPartsCountToo(member: String) throws {
        let body = #"{"model":"m",\#(member.replacing("@", with: Self.base64))}"#
        #expect(try scan(body, .other).media == media { ($0.images, $0.rawBytes) = (1, 4000) })
    }

    @Test func otherContentThatIsNoPartCountsByBytes() throws {
        func found(_ member: String) throws -> RequestMedia {
            try scan(#"{"model":"m",\#(member.replacing("@", with: Self.base64))}"#, .other).media
        }
        let (sound, video) = (
            media { ($0.audioBytes, $0.rawBytes) = (3000, 4000) }, media { ($0.videoBytes, $0.rawBytes) = (3000, 4000) }
        )
        let file = media { ($0.fileBytes, $0.rawBytes) = (3000, 4000) }
        #expect(try found(#""ref_audio":"@","ref_text":"words""#) == sound)
        #expect(try found(#""input":[{"type":"audio_embeds","audio_embeds":"@"}]"#) == sound)
        #expect(try found(#""ref_audio":"data:audio/ogg;base64,@""#) == sound)
        #expect(try found(#""ref_audio":"https://example.org/a.mp3""#) == media { $0.references = 1 })
        #expect(try found(#""input":{"video":"@"}"#) == video)
        #expect(try found(#""data":{"data":"@"}"#) == file)
        #expect(try found(#""prompt_embeds":"@""#) == file)
    }

    /// Each argument is a member of a request body that resembles media, but must be counted as text.
    @Test(arguments: [
        #""input":"words","image":"aaaa""#, #""video":"a few words""#, #""data":{"data":"short"}"#,
        #""prompt":"data:image/png;base64,AAAA""#, #""input":"data: are many""#, #""result":"aaaa""#,
        #""documents":["data:text"],"images":"none""#, #""audio":{"voice":"alloy","format":"mp3"}"#,
    ]) func whatOnlyLooksLikeContentIsText(member: String) throws {
        #expect(try scan(#"{"model":"m",\#(member)}"#, .other).media == RequestMedia())
    }

    @Test(arguments: [
        #"{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}"#,
        #"{"type":"image_url","image_url":"https:\/\/example.org\/a.png"}"#,
        #"{"type":"input_image","file_id":"file-1"}"#,
        #"{"type":"image","source":{"type":"url","url":"https://example.org/a"}}"#,
        #"{"type":"image","source":{"type":"file","file_id":"file_1"}}"#,
    ]) func aPictureThatIsOnlyNamedIsOneToo(part: String) throws {
        #expect(try scan(chat(part)).media == media { $0.images = 1 })
    }

    @Test func soundAndVideoCountByBytes() throws {
        func found(_ part: String) throws -> RequestMedia {
            try scan(chat(part.replacing("@", with: Self.base64))).media
        }
        let compressed = media { ($0.audioBytes, $0.rawBytes) = (3000, 4000) }
        let raw = media { ($0.rawAudioBytes, $0.rawBytes) = (3000, 4000) }
        #expect(try found(#"{"type":"input_audio","input_audio":{"data":"@","format":"mp3"}}"#) == compressed)
        #expect(try found(#"{"type":"input_audio","input_audio":{"format":"wav","data":"@"}}"#) == raw)
        #expect(try found(#"{"type":"input_audio","input_audio":{"data":"data:audio/wav;base64,@"}}"#) == raw)
        #expect(try found(#"{"type":"audio_url","audio_url":{"url":"data:audio/ogg;base64,@"}}"#) == compressed)
        let video = media { ($0.videoBytes, $0.rawBytes) = (3000, 4000) }
        #expect(try found(#"{"type":"video_url","video_url":{"url":"data:video/mp4;base64,@"}}"#) == video)
        let named = media { $0.references = 1 }
        #expect(try found(#"{"type":"video_url","video_url":{"url":"https://example.org/v.mp4"}}"#) == named)
        #expect(try found(#"{"type":"audio_url","audio_url":{"url":"https://example.org/v.mp3"}}"#) == named)
    }

    @Test func textInAFileIsText() throws {
        let base64 = Self.words.base64EncodedString()
        let encoded = media { ($0.textBytes, $0.rawBytes) = (Self.words.count, base64.count) }
        for file in [
            #"{"type":"file","file":{"file_data":"data:text/plain;base64,@","filename":"a"}}"#,
            #"{"type":"file","file":{"filename":"notes.md","file_data":"@"}}"#,
            #"{"type":"file","file":{"file_data":"@"}}"#,
            #"{"type":"input_file","filename":"a.json","file_data":"data:application/json;base64,@"}"#,
            #"{"type":"input_file","file_data":"data:application/octet-stream;base64,@"}"#,
            #"{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"@"}}"#,
        ] {
            #expect(try scan(chat(file.replacing("@", with: base64))).media == encoded, "\(file)")
        }
        for words in [
            #"{"type":"file","file":{"filename":"a.txt","file_data":"words as they are, and many of them"}}"#,
            #"{"type":"input_file","file_data":"data:text/plain,words as they are"}"#,
            #"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words as they are"}}"#,
        ] {
            #expect(try scan(chat(words)).media == RequestMedia(), "\(words)")
        }
        // An image inside a document counts as an image.
        let content =
            #"{"type":"document","source":{"type":"content","content":[{"type":"text","text":"x"},"#
            + #"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"\#(Self.base64)"}}]}}"#
        #expect(try scan(chat(content)).media == media { ($0.images, $0.rawBytes) = (1, 4000) })
    }

    @Test func otherFilesCountByBytes() throws {
        let pdf = (Data("%PDF-1.7\n".utf8) + Self.bytes.prefix(2991)).base64EncodedString()
        let file = media { ($0.fileBytes, $0.rawBytes) = (3000, 4000) }
        for part in [
            #"{"type":"file","file":{"file_data":"data:application/pdf;base64,@"}}"#,
            #"{"type":"file","file":{"file_data":"@"}}"#,
            #"{"type":"input_file","filename":"a.pdf","file_data":"@"}"#,
            #"{"type":"input_file","filename":"a.7z","file_data":"@"}"#,
            #"{"type":"document","title":"a.txt","source":{"type":"base64","media_type":"application/pdf","data":"@"}}"#,
        ] {
            #expect(try scan(chat(part.replacing("@", with: pdf))).media == file, "\(part)")
        }
        for named in [
            #"{"type":"file","file":{"file_id":"file-1"}}"#, #"{"type":"input_file","file_url":"https://e.org/a.pdf"}"#,
            #"{"type":"document","source":{"type":"url","url":"https://e.org/a.pdf"}}"#,
        ] {
            #expect(try scan(chat(named)).media == media { $0.references = 1 }, "\(named)")
        }
    }

    /// The search for media survives deep nesting and empty parts.
    @Test func theWalkHasAnEnd() throws {
        let deep = String(repeating: #"{"image_url":["#, count: 400) + String(repeating: "]}", count: 400)
        #expect(try scan(#"{"model":"m","x":\#(deep)}"#).media == RequestMedia())
        let part = #"{"type":"image_url","image_url":{"url":"data:"}}"#
        #expect(try scan(chat(part)).media.images == 1)
        #expect(try scan(chat(#"{"type":"file","file":{"file_data":"","filename":"."}}"#)).media.rawBytes == 0)
    }

    /// In randomly changed bodies, each part lies within the body and is counted once.
    @Test(arguments: 0..<20) func partsOfAChangedBodyAreCountedOnce(seed: Int) {
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
        let parts = [
            #"{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAA="}}"#,
            #"{"type":"document","source":{"type":"base64","media_type":"text/plain","data":"c29tZSB3b3Jkcw=="}}"#,
            #"{"type":"file","file":{"filename":"a.pdf","file_data":"JVBERi0xLjcKJcfs"}}"#,
            #"{"type":"input_audio","input_audio":{"data":"UklGRgAAAABXQVZF","format":"wav"}}"#,
        ]
        let words = [
            #"""#, "{", "}", "[", "]", ",", ":", #"\"#, #""type":"#, #""file""#, "data:", ";base64,", "=", " ",
        ]
        for _ in 0..<500 {
            var body = Array(chat((0..<3).map { _ in parts[next(4)] }.joined(separator: ",")).utf8)
            for _ in 0..<next(4) {
                let index = next(body.count)
                switch next(3) {
                case 0: body[index] = UInt8(next(256))
                case 1: body.remove(at: index)
                default: body.insert(contentsOf: words[next(words.count)].utf8, at: index)
                }
            }
            let request = RequestBody()
            request.append(body.span)
            guard let media = try? scanner.scanRequest(request).media else { continue }
            let decoded =
                media.textBytes + media.audioBytes + media.rawAudioBytes + media.videoBytes + media.fileBytes
            #expect(media.rawBytes < body.count && decoded <= media.rawBytes)
            #expect(media.images + media.references <= 6, "three parts, each of which may be broken in two")
        }
    }
}
