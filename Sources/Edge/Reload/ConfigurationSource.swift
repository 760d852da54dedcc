// The source of the configuration: a file, or a function that makes a configuration at each call.
package import Configuration

/// The source from which the configuration is read at the start and at each reload.
package enum ConfigurationSource {
    /// A file, at this path.
    case file(String)
    /// A function that makes a configuration; it may take up to one second.
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
