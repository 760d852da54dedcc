// The result of opening the log file again, for example after log rotation: as text for the operator and as JSON for
// the command socket.
internal import Inference

/// The result of the command `freeinference log reopen`, or of the signal SIGUSR1, which opens the log file again.
package enum LogReopening: Sendable, Equatable {
    /// The file at this path has been opened again, and the log thread writes all later lines to it.
    case reopened(path: String)
    /// The log goes to stdout, so there is no file to open again.
    case isStdout
    /// The file cannot be opened again, for this reason; the log thread still writes to the file that was open before.
    case failed(String)

    /// The result in one line for the operator.
    package var text: String {
        switch self {
        case .reopened(let path): "the log file \(path) is open again"
        case .isStdout: "the log is stdout: there is no file to open again"
        case .failed(let why): "the log file is not open again, and the earlier one stays: \(why)"
        }
    }

    /// The result as one JSON object.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        switch self {
        case .reopened(let path):
            writer.field("result", "reopened")
            writer.field("file", path)
        case .isStdout: writer.field("result", "stdout")
        case .failed(let why):
            writer.field("result", "failed")
            writer.field("error", why)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Reads a result from the JSON that `json` writes; nil if the bytes are not such JSON.
    package init?(json: [UInt8]) {
        guard let value = JSONValue(parsing: json), case .string(let result)? = value["result"] else { return nil }
        switch (result, value["file"], value["error"]) {
        case ("reopened", .string(let path)?, _): self = .reopened(path: path)
        case ("failed", _, .string(let why)?): self = .failed(why)
        case ("stdout", _, _): self = .isStdout
        default: return nil
        }
    }
}
