// The estimate of the tokens of images, audio, video and files, which holds until an engine has counted them.

/// The estimated tokens of images, audio, video and files, which are settings of the model.
package struct MediaTokens: Equatable, Sendable {
    /// The tokens of an image, whatever its size.
    package var image = 1000
    /// The bytes of compressed audio per token.
    package var audioBytes = 500
    /// The bytes of video per token.
    package var videoBytes = 500
    /// The bytes per token of files that are not text.
    package var fileBytes = 20
    /// The tokens of audio, a video or a file of which the body has only a URL or an id.
    package var reference = 10_000

    /// The bytes of WAV or PCM that are as long as one byte of compressed audio.
    private static let rawAudioFactor = 4

    /// Makes the default settings.
    package init() {}

    /// The bytes of text per token.
    package static let bytesPerToken = 4

    /// The estimated tokens of a request's prompt, expressed as bytes of text.
    ///
    /// - Parameters:
    ///   - media: What the body contains besides text.
    ///   - bodyBytes: The length of the whole body in bytes.
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

    /// Multiplies without overflow: a body of 1 GiB may name a hundred million images of a million tokens each.
    private static func times(_ count: Int, _ tokens: Int) -> Int { min(count, 1 << 24) * tokens }
}
