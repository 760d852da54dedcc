// The configuration of `serve --executor`, which names engines on the command line and reads no configuration file.
import Configuration
import Edge
import Migration

/// Makes a configuration for all models that the engines (model servers such as vLLM) offer.
enum EngineConfiguration {
    /// A source that makes the same configuration on each reload.
    ///
    /// A reload need not query the engines, because the server queries them for their models at intervals.
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
            // If several engines list the same model, requests for the model are distributed over these engines.
            discovery.joins = true
            return discovery
        }
        return configuration
    }

    /// Returns a function that makes a `curl` command line, with which the operator can try a model.
    static func greeting(_ configuration: Configuration) -> (_ model: String) -> String {
        let address = configuration.listeners.first.map { "\($0.address)" } ?? ""
        return { model in
            // The name comes from an engine, and may contain quotes. Single quotes are escaped for the shell, and
            // double quotes for JSON.
            let name = model.replacing("'", with: #"'\''"#).replacing(#"""#, with: #"\""#)
            // Without `max_tokens`, a model may generate tokens until its context is full.
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
