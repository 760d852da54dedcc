// Where the configuration comes from: a file, or something that makes one each time that it is asked.
package import Configuration

/// What a reload reads again.
package enum ConfigurationSource {
    /// A file, at this path.
    case file(String)
    /// A function that makes a configuration; it may take a second.
    case made(() -> Result<Configuration, ConfigurationErrors>)

    /// Reads and checks the configuration.
    ///
    /// - Parameter readFile: reads the file and those that it imports.
    package func read(
        _ readFile: @escaping (String) -> Result<[UInt8], FileProblem> = SystemFiles.read
    ) -> Result<Configuration, ConfigurationErrors> {
        switch self {
        case .file(let path): Configuration.load(path: path, readFile: readFile, inspection: .ofFiles())
        case .made(let make): make()
        }
    }
}
