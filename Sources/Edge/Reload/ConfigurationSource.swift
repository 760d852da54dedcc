// Where the configuration comes from: a file, or a function that makes a configuration at each call.
package import Configuration

/// Where the server gets its configuration at the start and at each reload.
package enum ConfigurationSource {
    /// The configuration file at this path.
    case file(String)
    /// A function that makes the configuration without a file; it may take up to one second.
    case made(() -> Result<Configuration, ConfigurationErrors>)

    /// Reads and checks the configuration.
    ///
    /// - Parameter readFile: reads the configuration file and each file that the configuration imports.
    package func read(
        _ readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read
    ) -> Result<Configuration, ConfigurationErrors> {
        switch self {
        case .file(let path): Configuration.load(path: path, readFile: readFile, inspection: .ofFiles())
        case .made(let make): make()
        }
    }
}
