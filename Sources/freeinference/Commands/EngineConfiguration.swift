// The configuration of `serve --executor`: the engines are asked for their models, in place of a file.
import Configuration
import Edge
import Migration

/// Makes a configuration that serves what engines list.
enum EngineConfiguration {
    /// The same configuration each time that it is read: the engines are asked again and again while it is in force.
    static func source(_ engines: [ExecutorURL]) -> ConfigurationSource {
        .made { .success(configuration(engines)) }
    }

    private static func configuration(_ engines: [ExecutorURL]) -> Configuration {
        let ports = ConfigurationProposal.ports(beside: engines)
        let listener = ListenerSettings(address: .tcp(host: "127.0.0.1", port: ports.listener))
        var configuration = Configuration(listeners: [listener], models: [])
        configuration.admin.address = .tcp(host: "127.0.0.1", port: ports.admin)
        configuration.discoveries = engines.map { url in
            var discovery = DiscoverySettings(engine: ExecutorSettings(url: url))
            // Engines that list the same model share its requests.
            discovery.joins = true
            return discovery
        }
        return configuration
    }

    /// Makes a command line that asks a model, for the terminal.
    static func greeting(_ configuration: Configuration) -> (_ model: String) -> String {
        let address = configuration.listeners.first.map { "\($0.address)" } ?? ""
        return { model in
            // Names of models come from engines: a quote in one would end the shell's.
            let name = model.replacing("'", with: #"'\''"#).replacing(#"""#, with: #"\""#)
            // Without a bound a model may go on until its context is full.
            let body =
                #"{"model":"\#(name)","stream":true,"max_tokens":256,"messages":[{"role":"user","content":"Hello"}]}"#
            return """
                try: curl --no-buffer http://\(address)/v1/chat/completions \\
                  --header 'content-type: application/json' \\
                  --data '\(body)'
                """
        }
    }
}
