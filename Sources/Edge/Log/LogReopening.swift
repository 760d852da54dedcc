// The outcome of reopening the log file, as text for the operator and as JSON for the command socket.
internal import Inference

/// The outcome of `freeinference log reopen` or of SIGUSR1.
package enum LogReopening: Sendable, Equatable {
    /// The file at this path was reopened, and all later lines are written to it.
    case reopened(path: String)
    /// The log is stdout, so there is no file.
    case isStdout
    /// The file cannot be reopened, for this reason; lines are still written to the earlier file.
    case failed(String)

    /// The outcome in one line for the operator.
    package var text: String {
        switch self {
        case .reopened(let path): "the log file \(path) is open again"
        case .isStdout: "the log is stdout: there is no file to open again"
        case .failed(let why): "the log file is not open again, and the earlier one stays: \(why)"
        }
    }

    /// The outcome as one JSON object.
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

    /// Reads an outcome from the JSON that `json` writes; nil if the bytes are not such JSON.
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
