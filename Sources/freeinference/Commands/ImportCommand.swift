// The command `freeinference import`, which makes a configuration of this server from that of another gateway.
import ArgumentParser
import Configuration
import Edge
import Migration

/// Converts a configuration of FreeInference or LiteLLM, and lists the settings that it could not convert.
///
/// The exit code is 1 if this server cannot use the result.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Turn a configuration of FreeInference or LiteLLM into one of this server.",
        discussion: """
            Reads FreeInference's models.yaml or LiteLLM's config.yaml, prints a commented configuration on stdout, and \
            on stderr a line for each key that was not carried over, or means something else here, with its place in \
            FILE and why. Keys in clear text become references to environment variables; they are never printed.
            """
    )

    @Argument(help: "models.yaml of FreeInference, or config.yaml of LiteLLM.")
    var file: String

    @OptionGroup var destination: OutputFile

    func run() throws {
        try destination.check()
        let bytes: [UInt8]
        switch SystemFiles.read(file) {
        case .success(let read): bytes = read
        case .failure(let problem):
            OperatorLog.list([("\(file): cannot be read: \(problem)", .error)], to: 2)
            throw ExitCode(1)
        }
        do {
            let result = try ConfigurationImport(bytes, path: file)
            try destination.write(result.yaml)
            list(result.notes)
            for variable in result.variablesToSet {
                OperatorLog.list([("\(file): set \(variable) to the key that stands in the file", .warning)], to: 2)
            }
            let count = "\(result.modelCount) model\(result.modelCount == 1 ? "" : "s")"
            let summary = "\(file): \(count) of \(result.program) carried over; \(result.notes.count) notes"
            OperatorLog.list([(summary, .information)], to: 2)
        } catch let failure as ConfigurationImport.Failure {
            list(failure.notes)
            OperatorLog.list([(failure.description, .error)], to: 2)
            throw ExitCode(1)
        }
    }

    private func list(_ notes: [MigrationNote]) {
        OperatorLog.list(notes.map { ($0.description, .warning) }, to: 2)
    }
}
