// Estimates the tokens of images, audio, video and files. The estimate is used until an engine reports its own count.

/// The settings of a model from which the tokens of images, audio, video and files are estimated.
package struct MediaTokens: Equatable, Sendable {
    /// The assumed number of tokens of an image of any size.
    package var image = 1000
    /// How many bytes of compressed audio are estimated as one token.
    package var audioBytes = 500
    /// How many bytes of video are estimated as one token.
    package var videoBytes = 500
    /// How many bytes of a file that is not text are estimated as one token.
    package var fileBytes = 20
    /// The assumed number of tokens of a recording, video or file that the body names only by a URL or an id.
    package var reference = 10_000

    /// The number of bytes of WAV or PCM audio that play for as long as one byte of compressed audio.
    private static let rawAudioFactor = 4

    /// Makes the default settings.
    package init() {}

    /// How many bytes of text are estimated as one token.
    package static let bytesPerToken = 4

    /// The estimated length of a request's prompt, in bytes of text.
    ///
    /// An image, for example, counts as a text that has the same number of tokens.
    ///
    /// - Parameters:
    ///   - media: The images, audio, video and files of the body.
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

    /// Multiplies a count of items by the tokens of one item; the count is limited to 2^24, so that the product cannot
    /// overflow.
    private static func times(_ count: Int, _ tokens: Int) -> Int { min(count, 1 << 24) * tokens }
}
