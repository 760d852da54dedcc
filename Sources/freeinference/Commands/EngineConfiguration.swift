// The configuration of `serve --executor`: made of what engines list, in place of a file.
import Configuration
import Edge
import Migration

/// Makes a configuration by asking engines for their models.
enum EngineConfiguration {
    /// What messages name in place of a file.
    private static let name = "--executor"

    /// Asks the engines each time that it is read.
    static func source(_ engines: [ExecutorURL]) -> ConfigurationSource {
        .made { read(engines) }
    }

    private static func read(_ engines: [ExecutorURL]) -> Result<Configuration, ConfigurationErrors> {
        let surveyed = zip(engines, EngineSurvey.ask(engines)).map { (url: $0, outcome: $1) }
        let proposal = ConfigurationProposal(surveyed, named: engines.count)
        // An engine that does not answer is an error, so that a reload does not take its models away.
        let areListed = surveyed.allSatisfy { if case .listed = $0.outcome { true } else { false } }
        guard areListed, let yaml = proposal.yaml else {
            let problems = proposal.findings.map {
                ConfigurationProblem(file: name, line: 1, column: 1, message: $0)
            }
            return .failure(ConfigurationErrors(problems))
        }
        return Configuration.load(
            path: name,
            readFile: { path in
                path == name ? .success(Array(yaml.utf8)) : SystemFiles.read(path)
            }
        )
    }

    /// A command line that asks the first model, for the terminal.
    static func greeting(_ configuration: Configuration) -> String? {
        guard let listener = configuration.listeners.first, let model = configuration.models.first else { return nil }
        // Names of models come from engines: a quote in one would end the shell's.
        let name = model.id.replacing("'", with: #"'\''"#).replacing(#"""#, with: #"\""#)
        let body = #"{"model":"\#(name)","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#
        return """
            try: curl --no-buffer http://\(listener.address)/v1/chat/completions \\
              --header 'content-type: application/json' \\
              --data '\(body)'
            """
    }
}
