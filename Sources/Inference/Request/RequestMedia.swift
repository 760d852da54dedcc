// The images, audio, video and files of a request, as a scan of its body finds them.

/// The images, audio, video and files of one request body.
package struct RequestMedia: Equatable, Sendable {
    /// The number of images, given as data, by URL or by id.
    package var images = 0
    /// The number of audio recordings, videos and files that the body names only by a URL or an id.
    package var references = 0
    /// The size of all compressed audio (MP3, AAC and others), in bytes, after base64 is decoded.
    package var audioBytes = 0
    /// The size of all audio that is not compressed (WAV, PCM), in bytes, after base64 is decoded.
    package var rawAudioBytes = 0
    /// The size of all videos, in bytes, after base64 is decoded.
    package var videoBytes = 0
    /// The size of all files that are not text, in bytes, after base64 is decoded.
    package var fileBytes = 0
    /// The size of all texts that the body has in base64, in bytes, after base64 is decoded.
    package var textBytes = 0
    /// The size of all images, audio, videos, files and base64 texts together, in bytes, as they are encoded in the
    /// body.
    package var rawBytes = 0

    /// Makes the value for a body that contains no media.
    package init() {}
}
