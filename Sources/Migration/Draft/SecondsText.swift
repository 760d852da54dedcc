// Converts the timeouts of other programs, in seconds, to durations of a configuration.
internal import Configuration

/// Converts seconds such as `600` and `0.5` to durations such as `600s` and `500ms`.
enum SecondsText {
    /// Converts a number of seconds; returns nil if the text is not a number, or not one between 10 ms and 24 h.
    static func duration(_ text: String) -> String? {
        guard let plain = DecimalText.plain(text.hasPrefix(".") ? "0" + text : text), let seconds = Double(plain),
            (0.01...86_400).contains(seconds)
        else { return nil }
        let milliseconds = Int((seconds * 1000).rounded())
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }
}
