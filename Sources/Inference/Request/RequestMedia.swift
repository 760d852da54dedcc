// The pictures, sound, video and files of a request, and an estimate of their tokens until an engine has counted them.

/// The pictures, sound, video and files of one request body.
package struct RequestMedia: Equatable, Sendable {
    /// The number of pictures, given as data, by URL or by id.
    package var images = 0
    /// The number of sounds, videos and files of which the body has only a URL or an id.
    package var references = 0
    /// Decoded bytes, of compressed sound and of sound that is not compressed (WAV, PCM).
    package var audioBytes = 0
    package var rawAudioBytes = 0
    package var videoBytes = 0
    package var fileBytes = 0
    /// Decoded bytes of texts that the body has in base64.
    package var textBytes = 0
    /// The bytes of the body that all of the above take, as they are encoded there.
    package var rawBytes = 0

    package init() {}
}

/// The estimated tokens of pictures, sound, video and files: a setting of the model.
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
