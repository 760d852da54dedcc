// The settings of one model: its names, its executors, and its entry in the list of models.
package import Inference

/// One model that clients may name, and the executors that serve it.
package struct ModelSettings: Sendable, Equatable {
    /// The name that clients use; unique among the ids and aliases of all models.
    package var id: String
    /// Further names that clients may use.
    package var aliases: [String] = []
    /// How an executor is chosen for each request.
    package var balance = Balance.auto
    /// Whose earlier prompts a new prompt is compared with, if `balance` chooses executors by their cached prompts.
    package var prefixScope = PrefixScope.pool
    /// The ids of the models that are tried, in this order, when none of this model's executors can answer.
    package var fallbacks: [String] = []
    /// The timeouts of this model, which replace the timeouts of the configuration.
    package var timeouts = Timeouts()
    /// The estimates of how many tokens images, sound, video and files take.
    package var mediaTokens = MediaTokens()
    /// The request paths that are passed to this model's executors in addition to the paths that every model has.
    package var passthrough: [String] = []
    /// The request header fields that the model's executors are sent in addition to the fields of
    /// `Configuration.forward`.
    package var forward = ForwardSettings()
    /// Whether the billing header that coding agents put first in the system prompt is left out of requests; nil means
    /// that `Configuration.stripBilling` applies.
    package var stripBilling: Bool?
    /// The APIs (`ServedDialect`) that the model's executors offer; nil means that `Configuration.dialects` applies.
    package var dialects: [ServedDialect]?
    /// The JSON member in which clients get the reasoning of chat answers.
    package var reasoning = ReasoningMember.asIs
    /// The executors that serve the model.
    ///
    /// The list may be empty only if the model has an `executorFile`, or if the model is discovered.
    package var executors: [ExecutorSettings]
    /// A file with further executors, which is read again when it changes; nil if the model has no file of executors.
    package var executorFile: ExecutorFile?
    /// Whether the model comes only from the list of models of an engine.
    ///
    /// API keys that are limited to certain models cannot use a discovered model.
    package var isDiscovered = false
    /// The fields of the model's entry in the list of models, in the order in which the list shows them.
    package var catalog: [CatalogField] = []

    /// Makes a model with these names and executors and the defaults of all other settings.
    package init(id: String, aliases: [String] = [], executors: [ExecutorSettings]) {
        self.id = id
        self.aliases = aliases
        self.executors = executors
    }

    /// Timeouts that replace the values in `Configuration.Timeouts`; a nil value replaces nothing.
    package struct Timeouts: Sendable, Equatable {
        /// How long a request may take until the first event of its streamed response, over all executors that are
        /// tried.
        ///
        /// Each 40 kB of request body adds 1 s.
        package var firstEvent: Duration?
        /// How long a request may take until the end of a response that is not a stream, over all executors that are
        /// tried.
        package var response: Duration?
        /// The longest time between two events of a stream.
        package var stall: Duration?
        /// How long a request may wait for an executor that is loading the model.
        package var loadWait: Duration?
        package init() {}
    }

    /// Whose earlier prompts a new prompt is compared with, to find an executor that has the beginning of the new
    /// prompt in its cache.
    package enum PrefixScope: String, Sendable, CaseIterable {
        /// With the prompts of all tenants.
        case pool
        /// Only with prompts of the same tenant, for engines that keep their tenants' caches apart.
        case tenant
    }

    /// How an executor is chosen for each request.
    package enum Balance: String, Sendable, CaseIterable {
        /// The same as `prefix` while every executor of the model has a prefix cache, and the same as `leastLoad`
        /// otherwise.
        ///
        /// Whether an executor has a prefix cache is known from its `kind`, or from the server's probes of the
        /// executor.
        case auto
        /// A request goes to the executor with the least load for its weight.
        ///
        /// The load is the number of running streams, plus one for each 4 KiB of prompts that wait for their first
        /// event. Executors whose load differs by less than one request take turns.
        case leastLoad = "least-load"
        /// A request goes to an executor that is believed to have the beginning of the prompt in its cache.
        ///
        /// If there is no such executor, or if it has much more to do than others, the executor is chosen as with
        /// `leastLoad`.
        case prefix
        /// The executors take turns, in proportion to their weights.
        case roundRobin = "round-robin"
        /// The same as `roundRobin`.
        case weighted
    }
}
