// A model as the configuration describes it: its names, its executors, and what its catalog entry says.
package import Inference

/// A model that clients may name, and the executors that serve it.
package struct ModelSettings: Sendable, Equatable {
    package var id: String
    package var aliases: [String] = []
    package var balance = Balance.leastLoad
    /// Ids of models that answer, in order, when none of this model's executors can.
    package var fallbacks: [String] = []
    package var timeouts = Timeouts()
    /// What pictures, sound, video and files are thought to come to.
    package var mediaTokens = MediaTokens()
    /// Paths at which its executors are asked beside those that every model has.
    package var passthrough: [String] = []
    /// Which of a client's fields its executors get beside the common ones.
    package var forward = ForwardSettings()
    /// Never empty when read from a file.
    package var executors: [ExecutorSettings]
    /// What the list of models says of it, in the order in which it is shown.
    package var catalog: [CatalogField] = []

    package init(id: String, aliases: [String] = [], executors: [ExecutorSettings]) {
        self.id = id
        self.aliases = aliases
        self.executors = executors
    }

    /// In place of those of `Configuration.Timeouts`; nil where the model has none of its own.
    package struct Timeouts: Sendable, Equatable {
        package var firstEvent: Duration?
        package var response: Duration?
        package var stall: Duration?
        package init() {}
    }

    package enum Balance: String, Sendable, CaseIterable {
        case leastLoad = "least-load"
        case roundRobin = "round-robin"
        case weighted
    }
}

/// One model server of a pool.
package struct ExecutorSettings: Sendable, Equatable {
    package var url: ExecutorURL
    /// The name that the executor knows the model by; nil means the model's id.
    package var model: String?
    /// Its share of the exchanges, against the others of its model.
    package var weight = 1
    package var kind = Kind.auto
    package var wireProtocol = WireProtocol.auto
    /// Whether the executor's own `authorization` is set, and to what.
    package var apiKey: String?
    /// A file of certificates to trust in place of the system's.
    package var certificateAuthorityPath: String?
    /// Exchanges at once; nil means no limit but what its own 429 teach.
    package var maxRunning: Int?
    /// Whether `stream_options.include_usage` is spliced into streamed requests.
    package var includeUsage = true
    /// How long an unused connection is kept.
    ///
    /// uvicorn drops its own after 5 s: stay below. Zero keeps none.
    package var idleTimeout = Duration.seconds(4)

    /// Which of a client's fields it gets beside those of its model.
    package var forward = ForwardSettings()

    package var health = Health()

    /// How it is asked whether it lives.
    package struct Health: Sendable, Equatable {
        /// Nil means what its kind has.
        package var path: String?
        /// Zero asks nothing.
        package var interval = Duration.seconds(2)
        package var timeout = Duration.seconds(5)
        /// Good answers in a row after which it is tried again.
        package var rise = 2
        /// Bad ones in a row after which it is left out.
        package var fall = 3
    }

    package init(url: ExecutorURL, model: String? = nil) {
        self.url = url
        self.model = model
    }

    /// What the server at the other end is, where its dialect or its health page differ.
    package enum Kind: String, Sendable, CaseIterable {
        case auto, vllm, sglang, ollama, openai, anthropic
        case llamaCpp = "llama.cpp"
    }

    package enum WireProtocol: String, Sendable, CaseIterable {
        case auto, http1, h2
    }
}
