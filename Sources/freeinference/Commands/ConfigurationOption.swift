// The option `--config` of all commands that read the configuration.
import ArgumentParser

/// The path of the configuration file.
struct ConfigurationOption: ParsableArguments {
    static let defaultPath = "/etc/freeinference/freeinference.yaml"

    @Option(name: .shortAndLong, help: "The configuration file.")
    var config = Self.defaultPath
}
