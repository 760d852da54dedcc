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
    /// `serve` and `check --against-running` resolve the relative paths in the file against the folder of this path. So
    /// both commands see the same paths even if they were started in different directories.
    var absolutePath: String { config.hasPrefix("/") ? config : SystemFiles.currentFolder + "/" + config }
}
