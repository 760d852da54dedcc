// The images, audio, video and files of a request, as a scan of its body finds them.

/// The images, audio, video and files of one request body.
package struct RequestMedia: Equatable, Sendable {
    /// The number of images, given as data, by URL or by id.
    package var images = 0
    /// The number of audio recordings, videos and files that the body names only by a URL or an id.
    package var references = 0
    /// The decoded bytes of compressed audio.
    package var audioBytes = 0
    /// The decoded bytes of audio that is not compressed (WAV, PCM).
    package var rawAudioBytes = 0
    /// The decoded bytes of video.
    package var videoBytes = 0
    /// The decoded bytes of files that are not text.
    package var fileBytes = 0
    /// The decoded bytes of texts that the body has in base64.
    package var textBytes = 0
    /// The bytes of the body that all images, audio, video, files and base64 texts take together, in their encoded
    /// form.
    package var rawBytes = 0

    /// Makes the value for a body that contains no media.
    package init() {}
}
