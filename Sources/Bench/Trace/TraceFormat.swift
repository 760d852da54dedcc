// The formats of traces that `bench trace` reads.

/// The format of a trace.
package enum TraceFormat: String, CaseIterable, Sendable {
    /// The format of Mooncake's traces: one JSON object on each line.
    ///
    /// The members are `timestamp` (in ms), `input_length` and `output_length` (in tokens), and `hash_ids`, the numbers
    /// of the prompt's blocks of 512 tokens.
    case mooncake
    /// The format of Azure's traces of 2023 and 2024: CSV with the columns of `azureHeader`.
    case azure

    /// The first line of a trace in Azure's format.
    static let azureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens"

    /// Recognizes the format of a trace by its first line that is not blank; nil if the line fits neither format.
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
