// The option `--config` of all commands that read the configuration.
import ArgumentParser
import Configuration

/// The path of the configuration file.
struct ConfigurationOption: ParsableArguments {
    static let defaultPath = "/etc/freeinference/freeinference.yaml"

    @Option(name: .shortAndLong, help: "The configuration file.")
    var config = Self.defaultPath

    /// The absolute path of the file.
    ///
    /// The running server and `check --against-running` both resolve the paths in the file against it, so that equal
    /// files are equal although the two commands were given different relative paths.
    var absolutePath: String { config.hasPrefix("/") ? config : SystemFiles.currentFolder + "/" + config }
}
