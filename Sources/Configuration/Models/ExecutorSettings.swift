// The settings of one executor in the configuration: its URL, how it is reached, and how its health is checked.
package import Transport

/// One executor of a model: a URL, and how requests are sent to it.
package struct ExecutorSettings: Sendable, Equatable {
    /// The URL at which the executor is reached.
    package var url: ExecutorURL
    /// Whether the host name in the URL means one executor, or one executor for each of its addresses.
    package var resolve = Resolve.one
    /// The address to connect to, if the host name means one executor for each of its addresses.
    ///
    /// The value is nil in settings that come from a file, because the server looks up the addresses later.
    package var address: ResolvedAddress?
    /// The name by which the executor knows the model; nil means the model's id.
    package var model: String?
    /// The weight of the executor; 0 means no requests.
    ///
    /// The executors of a model get requests in proportion to their weights.
    package var weight = 1
    /// The software of the engine; with `auto`, the server uses no feature that only some software has.
    package var kind = Kind.auto
    /// The version of HTTP that the server speaks with the executor.
    package var wireProtocol = WireProtocol.auto
    /// The API key that the server sends to the executor instead of the client's key; nil if it sends none.
    package var apiKey: String?
    /// A PEM file with the certificate authorities to trust, instead of those that the system trusts.
    package var certificateAuthorityPath: String?
    /// The largest number of requests at once; nil means that the server only infers a limit from responses with status
    /// 429.
    package var maxRunning: Int?
    /// Whether the server adds `stream_options.include_usage` to requests for streams, so that it learns the token
    /// counts.
    package var includeUsage = true
    /// Whether the server removes the billing header, which coding agents put first in the system prompt, from
    /// requests.
    ///
    /// Nil means that the setting of the model applies.
    package var stripBilling: Bool?
    /// The APIs (`ServedDialect`) that the executor offers; nil means that the setting of the model applies.
    package var dialects: [ServedDialect]?
    /// Whether the server writes the priority class of a request into the JSON member `priority`, and which numbers it
    /// uses.
    package var priority = PrioritySetting.off
    /// How long the server keeps an unused connection open; with zero, it closes the connection at once.
    ///
    /// The default is below 5 s, because uvicorn, the HTTP server of many engines, closes unused connections after 5 s.
    package var idleTimeout = Duration.seconds(4)

    /// The header fields of requests that the server passes to the executor, besides those of `ModelSettings.forward`.
    package var forward = ForwardSettings()

    /// How the server checks whether the executor works.
    package var health = Health()

    /// How the server checks whether an executor works: it sends a request at regular intervals.
    package struct Health: Sendable, Equatable {
        /// The path of the check's request, without the path prefix of the URL; nil means the default for the
        /// executor's kind.
        package var path: String?
        /// The time between two checks; with zero, the server does not check the executor.
        package var interval = Duration.seconds(2)
        /// How long a check may take.
        package var timeout = Duration.seconds(5)
        /// After this many successful checks in a row, an executor that was out of use gets requests again.
        package var rise = 2
        /// After this many failed checks in a row, the executor gets no more requests.
        package var fall = 3
    }

    /// Makes the settings of an executor at this URL; all other settings have their defaults.
    package init(url: ExecutorURL, model: String? = nil) {
        self.url = url
        self.model = model
    }

    /// The software of an engine.
    ///
    /// The cases differ in details of their APIs, or in how their health is checked.
    package enum Kind: String, Sendable, CaseIterable {
        case auto, vllm, sglang, ollama, openai, anthropic
        case llamaCpp = "llama.cpp"

        /// Whether the server removes the billing header, which coding agents put first in the system prompt, from
        /// requests, unless `strip_billing` says otherwise.
        ///
        /// The text of the header differs in each request. An engine with a prefix cache would therefore never find a
        /// cached prompt that begins with it.
        package var stripsBilling: Bool {
            switch self {
            case .vllm, .sglang, .ollama, .llamaCpp: true
            case .auto, .openai, .anthropic: false
            }
        }
    }

    /// The versions of HTTP that the server can speak with an executor.
    package enum WireProtocol: String, Sendable, CaseIterable {
        /// HTTP/1.1 without TLS; with TLS, the version that the executor chooses by ALPN.
        case auto
        case http1
        /// Only HTTP/2. Without TLS, the server assumes that the executor understands it (prior knowledge).
        case h2
    }
}
