// The formats of traces that `bench trace` reads.

/// The format of a trace.
package enum TraceFormat: String, CaseIterable, Sendable {
    /// Mooncake's: JSON objects, one on each line, with `timestamp` (ms), `input_length`, `output_length` (tokens) and
    /// `hash_ids`, the numbers of the prompt's blocks of 512 tokens.
    case mooncake
    /// Azure's of 2023 and 2024: CSV with the columns `TIMESTAMP`, `ContextTokens` and `GeneratedTokens`.
    case azure

    /// The first line of a trace in Azure's format.
    static let azureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens"

    /// Recognizes the format by the first line that is not empty; nil if it is neither.
    init?(firstLine: some Collection<UInt8>) {
        if firstLine.first == UInt8(ascii: "{") {
            self = .mooncake
        } else if firstLine.starts(with: "TIMESTAMP,".utf8) {
            self = .azure
        } else {
            return nil
        }
    }
}
