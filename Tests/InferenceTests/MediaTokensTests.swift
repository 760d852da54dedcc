// The estimate of the tokens of images, audio, video and files.

import Inference
import Testing

@Suite struct MediaTokensTests {
    private func media(_ change: (inout RequestMedia) -> Void) -> RequestMedia {
        var media = RequestMedia()
        change(&media)
        return media
    }

    @Test func mediaBecomesBytesOfText() {
        let tokens = MediaTokens()
        #expect(tokens.promptBytes(of: RequestMedia(), bodyBytes: 1234) == 1234)
        let picture = media { ($0.images, $0.rawBytes) = (1, 400_000) }
        #expect(tokens.promptBytes(of: picture, bodyBytes: 400_100) == 100 + 4000)
        let all = media {
            ($0.images, $0.references, $0.audioBytes, $0.rawAudioBytes) = (2, 1, 1000, 4000)
            ($0.videoBytes, $0.fileBytes, $0.textBytes, $0.rawBytes) = (5000, 200, 400, 20_000)
        }
        let expected = (21_000 - 20_000 + 400) + 4 * (2000 + 10_000 + 4 + 10 + 10)
        #expect(tokens.promptBytes(of: all, bodyBytes: 21_000) == expected)
        var own = MediaTokens()
        (own.image, own.audioBytes, own.videoBytes, own.fileBytes, own.reference) = (85, 1, 1, 1, 0)
        #expect(own.promptBytes(of: all, bodyBytes: 21_000) == 1400 + 4 * (170 + 2000 + 5000 + 200))
        let absurd = media { $0.images = 1 << 60 }
        #expect(tokens.promptBytes(of: absurd, bodyBytes: 10) > 1 << 30)
    }
}
