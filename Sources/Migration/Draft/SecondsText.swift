// Timeouts of other programs, in seconds, as durations of our configuration.
internal import Configuration

/// Converts seconds such as `600` and `0.5` to durations such as `600s` and `500ms`.
enum SecondsText {
    /// Returns the duration; nil where the text is no number, or outside of 10 ms to 24 h.
    static func duration(_ text: String) -> String? {
        guard let plain = DecimalText.plain(text.hasPrefix(".") ? "0" + text : text), let seconds = Double(plain),
            (0.01...86_400).contains(seconds)
        else { return nil }
        let milliseconds = Int((seconds * 1000).rounded())
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
