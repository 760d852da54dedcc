// What of a request is pictures, sound, video and files, and how many tokens that is thought to come to before an engine has
// counted them.

/// What of one request body is no text.
package struct RequestMedia: Equatable, Sendable {
    /// However they are given.
    package var images = 0
    /// Sound, video and files of which the body has only a URL or an id.
    package var references = 0
    /// Bytes as they are, not as the body has them encoded; of sound that is compressed, and of sound that is not.
    package var audioBytes = 0
    package var rawAudioBytes = 0
    package var videoBytes = 0
    package var fileBytes = 0
    /// Bytes of texts that the body has encoded.
    package var textBytes = 0
    /// How many bytes of the body all of these take.
    package var rawBytes = 0

    package init() {}
}

/// How many tokens a model makes of what is no text: a setting of the model.
package struct MediaTokens: Equatable, Sendable {
    /// Of an image, whatever its size.
    package var image = 1000
    /// Bytes that come to one token: of compressed sound, of video, of files that are no text.
    package var audioBytes = 500
    package var videoBytes = 500
    package var fileBytes = 20
    /// Of sound, video or a file that is only named.
    package var reference = 10_000

    /// Bytes of WAV or PCM that are as long as one byte of compressed sound.
    private static let rawAudioFactor = 4

    package init() {}

    /// Bytes of text that come to one token.
    package static let bytesPerToken = 4

    /// The bytes of text that come to as many tokens as a request is thought to have in its prompt.
    ///
    /// - Parameter bodyBytes: of the request's whole body.
    package func promptBytes(of media: RequestMedia, bodyBytes: Int) -> Int {
        guard media != RequestMedia() else { return bodyBytes }
        let text = max(0, bodyBytes - media.rawBytes) + media.textBytes
        let sound = media.audioBytes + media.rawAudioBytes / Self.rawAudioFactor
        let tokens =
            Self.times(media.images, image) + Self.times(media.references, reference)
            + (sound + audioBytes - 1) / audioBytes + (media.videoBytes + videoBytes - 1) / videoBytes
            + (media.fileBytes + fileBytes - 1) / fileBytes
        return text + tokens * Self.bytesPerToken
    }

    /// A body of 1 GiB may name a hundred million images, each of which is set to a million tokens.
    private static func times(_ count: Int, _ tokens: Int) -> Int { min(count, 1 << 24) * tokens }
}
