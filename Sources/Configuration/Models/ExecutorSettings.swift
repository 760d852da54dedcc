// The settings of one executor: its URL, how it is reached, and how its health is checked.
package import Transport

/// One executor of a model: a URL, and how requests are sent to it.
package struct ExecutorSettings: Sendable, Equatable {
    /// The URL at which the executor is reached.
    package var url: ExecutorURL
    /// How many executors the host name in the URL stands for: a single executor, or one for each address of the name.
    package var resolve = Resolve.one
    /// The address to connect to, if each address of the host name stands for an executor.
    ///
    /// The value is nil in an entry that was read from a file, because the addresses are found later.
    package var address: ResolvedAddress?
    /// The executor's own name for the model; nil means the model's id.
    package var model: String?
    /// The executor's share of the requests in proportion to the other executors of its model; 0 means no requests.
    package var weight = 1
    /// The software of the engine; `auto` means that the software is unknown, and no feature of a particular software
    /// is used.
    package var kind = Kind.auto
    /// The version of HTTP to use.
    package var wireProtocol = WireProtocol.auto
    /// The API key that is sent to the executor in place of the client's key; nil if no key is sent.
    package var apiKey: String?
    /// A PEM file of the certificate authorities to trust in place of the authorities that the system trusts.
    package var certificateAuthorityPath: String?
    /// The largest number of requests at once; nil means that only responses with status 429 limit the number.
    package var maxRunning: Int?
    /// Whether `stream_options.include_usage` is inserted into requests for streams.
    package var includeUsage = true
    /// Whether the billing header that coding agents put first in the system prompt is left out of requests; nil means
    /// that the setting of the model applies.
    package var stripBilling: Bool?
    /// The APIs (`ServedDialect`) that the executor offers; nil means that the setting of the model applies.
    package var dialects: [ServedDialect]?
    /// Whether the engine is told the priority class of a request in the JSON member `priority`, and by which values.
    package var priority = PrioritySetting.off
    /// How long an unused connection is kept open; zero means that it is closed as soon as it is unused.
    ///
    /// The default is below 5 s, because uvicorn, the HTTP server of many engines, closes unused connections after 5 s.
    package var idleTimeout = Duration.seconds(4)

    /// The request header fields that the executor is sent in addition to the fields of `ModelSettings.forward`.
    package var forward = ForwardSettings()

    /// How the executor's health is checked.
    package var health = Health()

    /// How the executor's health is checked.
    package struct Health: Sendable, Equatable {
        /// The path to request, without the path prefix of the URL; nil means the default for the executor's kind.
        package var path: String?
        /// The time between two checks; zero means that the health is not checked.
        package var interval = Duration.seconds(2)
        /// How long a check may take.
        package var timeout = Duration.seconds(5)
        /// How many successful checks in a row bring the executor back into use.
        package var rise = 2
        /// How many failed checks in a row take the executor out of use.
        package var fall = 3
    }

    /// Makes an executor at this URL with the defaults of all other settings.
    package init(url: ExecutorURL, model: String? = nil) {
        self.url = url
        self.model = model
    }

    /// The software of an engine; each case has its own API details or its own health check.
    package enum Kind: String, Sendable, CaseIterable {
        case auto, vllm, sglang, ollama, openai, anthropic
        case llamaCpp = "llama.cpp"

        /// Whether the billing header of coding agents is left out of requests unless `strip_billing` says otherwise.
        ///
        /// The header changes with each request, so these engines would never find a prompt with it in their prefix
        /// caches.
        package var stripsBilling: Bool {
            switch self {
            case .vllm, .sglang, .ollama, .llamaCpp: true
            case .auto, .openai, .anthropic: false
            }
        }
    }

    /// The version of HTTP that is spoken with the executor.
    package enum WireProtocol: String, Sendable, CaseIterable {
        /// HTTP/1.1 without TLS; with TLS the version that the executor chooses by ALPN.
        case auto
        case http1
        /// HTTP/2 only; without TLS by prior knowledge.
        case h2
    }
}
