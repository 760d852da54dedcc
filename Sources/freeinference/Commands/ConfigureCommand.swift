// `freeinference configure`: writes a configuration for the engines that it finds.
import ArgumentParser
import Configuration
import Edge
import Migration

/// Asks engines on their usual local ports for their models, and prints a configuration for them.
///
/// Exits with 1 if no engine with a model was found.
struct ConfigureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure",
        abstract: "Write a configuration for the engines that are found.",
        discussion: """
            Asks 127.0.0.1 at \(EngineSurvey.usualPorts.map { "\($0.port) (\($0.software))" }.joined(separator: ", ")), \
            and every --probe, for /v1/models, all at once and for 1 s. Prints a commented configuration on stdout, and \
            on stderr what was found and what is left open.
            """
    )

    @Option(help: ArgumentHelp("Ask there too; may be repeated.", valueName: "host:port|url"))
    var probe: [String] = []

    @Flag(help: "Ask only where --probe says, not at the usual ports.")
    var onlyProbes = false

    @OptionGroup var destination: OutputFile

    func validate() throws {
        _ = try probedURLs()
        if onlyProbes, probe.isEmpty { throw ValidationError("--only-probes goes with --probe") }
    }

    func run() throws {
        try destination.check()
        let named = try probedURLs()
        var urls = named
        if !onlyProbes {
            for usual in EngineSurvey.usualPorts {
                guard case .success(let url) = ExecutorURL.parse("http://127.0.0.1:\(usual.port)") else { continue }
                // If the operator named a URL of this machine with the same port as `url`, only the operator's URL is
                // asked.
                let isNamed = named.contains {
                    $0.port == usual.port && ["127.0.0.1", "localhost", "::1", "0.0.0.0"].contains($0.host)
                }
                if !isNamed { urls.append(url) }
            }
        }
        let surveyed = zip(urls, EngineSurvey.ask(urls)).map { (url: $0, outcome: $1) }
        let proposal = ConfigurationProposal(surveyed, named: named.count)
        OperatorLog.list(proposal.findings.map { ($0, .information) }, to: 2)
        OperatorLog.list(proposal.open.map { ("left open: \($0)", .information) }, to: 2)
        guard let yaml = proposal.yaml else {
            let asked = urls.map(\.description).joined(separator: ", ")
            OperatorLog.list(
                [("no engine with a model was found; asked \(asked). --probe HOST:PORT asks others", .error)],
                to: 2
            )
            throw ExitCode(1)
        }
        try destination.write(yaml)
    }

    private func probedURLs() throws -> [ExecutorURL] { try executorURLs(probe, option: "--probe") }
}

/// Parses the engine URLs in the arguments of a command; `HOST:PORT` stands for `http://HOST:PORT`.
///
/// - Parameter option: the name of the option, for error messages.
func executorURLs(_ texts: [String], option: String) throws -> [ExecutorURL] {
    var urls: [ExecutorURL] = []
    for text in texts {
        let isURL = text.contains("://") || text.hasPrefix("unix:")
        switch ExecutorURL.parse(isURL ? text : "http://\(text)") {
        case .success(let url): if !urls.contains(url) { urls.append(url) }
        case .failure(let problem): throw ValidationError("\(option): the URL \(problem.message)")
        }
    }
    return urls
}
