// A model of a configuration: its names, its executors, and its entry in the catalog.
package import Inference

/// One model that clients may name, and the executors that serve it.
package struct ModelSettings: Sendable, Equatable {
    /// The name that clients use; unique among the ids and aliases of all models.
    package var id: String
    /// Further names that clients may use.
    package var aliases: [String] = []
    /// How executors are chosen.
    package var balance = Balance.leastLoad
    /// The ids of the models that are tried, in this order, when none of this model's executors can answer.
    package var fallbacks: [String] = []
    /// The timeouts of this model in place of those of the configuration.
    package var timeouts = Timeouts()
    /// The estimates of how many tokens images, sound, video and files take.
    package var mediaTokens = MediaTokens()
    /// The paths of requests that are passed to this model's executors in addition to those that every model has.
    package var passthrough: [String] = []
    /// The header fields of clients that the model's executors are sent in addition to those of the whole
    /// configuration.
    package var forward = ForwardSettings()
    /// The executors that serve the model; when read from a file never empty, unless there is an `executorFile`.
    package var executors: [ExecutorSettings]
    /// A file with further executors, which is followed while the server runs; nil if there is none.
    package var executorFile: ExecutorFile?
    /// Whether an engine has listed the model and no file names it: keys with a list of models may not use it.
    package var isDiscovered = false
    /// The fields of the model's entry in the list of models, in the order in which the list shows them.
    package var catalog: [CatalogField] = []

    /// Makes a model with these names and executors and the defaults of all other settings.
    package init(id: String, aliases: [String] = [], executors: [ExecutorSettings]) {
        self.id = id
        self.aliases = aliases
        self.executors = executors
    }

    /// Timeouts that replace those of `Configuration.Timeouts`; nil if the model has none of its own.
    package struct Timeouts: Sendable, Equatable {
        /// For all attempts of an exchange together, until the first event of a stream; 1 s more for each 40 kB of
        /// request body.
        package var firstEvent: Duration?
        /// For all attempts of an exchange together, until the end of an answer that is not a stream.
        package var response: Duration?
        /// Between two events of a stream.
        package var stall: Duration?
        package init() {}
    }

    /// How an executor is chosen for each request.
    package enum Balance: String, Sendable, CaseIterable {
        /// By the load of the moment: running streams and the bytes of waiting prompts, in proportion to the weights.
        case leastLoad = "least-load"
        /// In turns, in proportion to the weights.
        case roundRobin = "round-robin"
        /// The same as `roundRobin`.
        case weighted
    }
}
