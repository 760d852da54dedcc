// An executor of a configuration: where it is, how it is reached, and how its health is checked.
package import Transport

/// One executor of a model: a URL, and how requests are sent to it.
package struct ExecutorSettings: Sendable, Equatable {
    /// The URL at which the executor is reached.
    package var url: ExecutorURL
    /// Whether the name in the URL is one executor, or each of its addresses is one.
    package var resolve = Resolve.one
    /// The address to which connections go, if each address of the name is an executor; nil in the file's own entries.
    package var address: ResolvedAddress?
    /// The executor's own name for the model; nil means the model's id.
    package var model: String?
    /// The executor's share of the requests in proportion to the other executors of its model; 0 means none.
    package var weight = 1
    /// The software of the engine; `auto` means that it is not known, and nothing special to one of them is used.
    package var kind = Kind.auto
    /// The version of HTTP to use.
    package var wireProtocol = WireProtocol.auto
    /// The key that is sent to the executor, never the client's; nil if none is sent.
    package var apiKey: String?
    /// A PEM file of the certificate authorities to trust in place of the system's.
    package var certificateAuthorityPath: String?
    /// The most requests at once; nil means no limit except the one that its answers with 429 indicate.
    package var maxRunning: Int?
    /// Whether `stream_options.include_usage` is inserted into requests for streams.
    package var includeUsage = true
    /// How long an unused connection is kept; zero means that it is not kept.
    ///
    /// uvicorn, the server of many engines, closes unused connections after 5 s: the default stays below that.
    package var idleTimeout = Duration.seconds(4)

    /// The header fields of clients that the executor is sent in addition to those of its model's `forward`.
    package var forward = ForwardSettings()

    /// How the executor's health is checked.
    package var health = Health()

    /// How the executor's health is checked.
    package struct Health: Sendable, Equatable {
        /// The path that is requested, after the prefix of the URL; nil means the default of the executor's kind.
        package var path: String?
        /// The time from one check to the next; zero means that the health is not checked.
        package var interval = Duration.seconds(2)
        /// How long a check may take.
        package var timeout = Duration.seconds(5)
        /// How many good answers in a row bring the executor back into use.
        package var rise = 2
        /// How many bad answers in a row take the executor out of use.
        package var fall = 3
    }

    /// Makes an executor at this URL with the defaults of all other settings.
    package init(url: ExecutorURL, model: String? = nil) {
        self.url = url
        self.model = model
    }

    /// The software of the engine, as far as its API or its health page differs from others.
    package enum Kind: String, Sendable, CaseIterable {
        case auto, vllm, sglang, ollama, openai, anthropic
        case llamaCpp = "llama.cpp"
    }

    /// The version of HTTP that is spoken with the executor.
    package enum WireProtocol: String, Sendable, CaseIterable {
        /// What the executor chooses by ALPN over TLS, otherwise HTTP/1.1.
        case auto
        case http1
        /// HTTP/2 alone; without TLS by prior knowledge.
        case h2
    }
}
