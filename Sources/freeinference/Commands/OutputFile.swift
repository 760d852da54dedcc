// The option `--output` of the commands that write a configuration.
import ArgumentParser
import Configuration
import Edge

/// The destination of a configuration: stdout or a file; an existing file is overwritten only with `--force`.
struct OutputFile: ParsableArguments {
    @Option(name: .shortAndLong, help: "Write to this file instead of stdout; it must not be there yet.")
    var output: String?

    @Flag(help: "Overwrite the file of --output if it is there.")
    var force = false

    func validate() throws {
        if force, output == nil { throw ValidationError("--force goes with --output") }
    }

    /// Exits with 1 and a message if the file exists and may not be overwritten.
    ///
    /// Commands call this function before they start their work; `write` checks again.
    func check() throws {
        guard let output, !force, SystemFiles.exists(output) else { return }
        OperatorLog.list([("\(output) is there already; --force overwrites it", .error)], to: 2)
        throw ExitCode(1)
    }

    /// Writes the text, which ends with a line feed; exits with 1 and a message if the write fails.
    func write(_ text: String) throws {
        guard let output else {
            print(text, terminator: "")
            return
        }
        guard let problem = SystemFiles.write(Array(text.utf8), to: output, overwriting: force) else { return }
        OperatorLog.list([("\(output): cannot be written: \(problem)", .error)], to: 2)
        throw ExitCode(1)
    }
}
