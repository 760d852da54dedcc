// The settings of one model in the configuration: its names, its executors, and what the list of models shows of it.
package import Inference

/// One model that clients may name, and the executors that serve it.
package struct ModelSettings: Sendable, Equatable {
    /// The name that clients use; unique among the ids and aliases of all models.
    package var id: String
    /// Further names that clients may use.
    package var aliases: [String] = []
    /// How the server chooses one of the model's executors for each request.
    package var balance = Balance.auto
    /// With whose earlier prompts a prompt is compared to find an executor that has cached its prefix: those of all
    /// clients of the pool, or only those of the same tenant.
    package var prefixScope = PrefixScope.pool
    /// The ids of other models that a request is sent to, in this order, when no executor of this model can answer.
    package var fallbacks: [String] = []
    /// The timeouts of this model; each that is not nil replaces the one of `Configuration.Timeouts`.
    package var timeouts = Timeouts()
    /// How many tokens the server assumes for an image, sound, video or file before an engine has counted them.
    package var mediaTokens = MediaTokens()
    /// The request paths that the server passes to this model's executors, besides the paths that every model has.
    package var passthrough: [String] = []
    /// The header fields of requests that the server passes to the model's executors, besides those of
    /// `Configuration.forward`.
    package var forward = ForwardSettings()
    /// Whether the server removes the billing header, which coding agents put first in the system prompt, from
    /// requests.
    ///
    /// Nil means that `Configuration.stripBilling` applies.
    package var stripBilling: Bool?
    /// The APIs (`ServedDialect`) that the model's executors offer; nil means that `Configuration.dialects` applies.
    package var dialects: [ServedDialect]?
    /// The JSON member in which clients receive the model's reasoning in chat answers.
    package var reasoning = ReasoningMember.asIs
    /// The executors that serve the model.
    ///
    /// The list may be empty only if the model has an `executorFile`, or if `isDiscovered` is true.
    package var executors: [ExecutorSettings]
    /// A file that lists further executors; nil if there is no such file.
    ///
    /// The server reads the file again when it changes.
    package var executorFile: ExecutorFile?
    /// Whether the model is not in the configuration file, but only in the list of models of an engine.
    ///
    /// API keys that are limited to certain models cannot use such a model.
    package var isDiscovered = false
    /// The fields that the list of models shows for this model, in this order.
    package var catalog: [CatalogField] = []

    /// Makes a model with these names and executors; all other settings have their defaults.
    package init(id: String, aliases: [String] = [], executors: [ExecutorSettings]) {
        self.id = id
        self.aliases = aliases
        self.executors = executors
    }

    /// Timeouts of one model; where a value is nil, that of `Configuration.Timeouts` applies.
    package struct Timeouts: Sendable, Equatable {
        /// The longest time from a request for a stream until the first event, including attempts that failed before.
        ///
        /// Each 40 kB of request body adds 1 s.
        package var firstEvent: Duration?
        /// The longest time from a request for a whole response until its end, including attempts that failed before.
        package var response: Duration?
        /// The longest time between two events of a stream.
        package var stall: Duration?
        /// The longest time that a request waits for an executor whose engine is still loading the model.
        package var loadWait: Duration?
        package init() {}
    }

    /// Whose earlier prompts count when the server looks for an executor that has cached the beginning of a prompt.
    package enum PrefixScope: String, Sendable, CaseIterable {
        /// The prompts of all tenants.
        case pool
        /// Only the prompts of the same tenant, for engines that keep a separate cache for each tenant.
        case tenant
    }

    /// The rules by which the server can choose an executor for a request.
    package enum Balance: String, Sendable, CaseIterable {
        /// The server applies the rule `prefix` if every executor of the model has a prefix cache, and otherwise
        /// `leastLoad`.
        ///
        /// The server knows from an executor's `kind`, or from its probes, whether the executor has a prefix cache.
        case auto
        /// The server chooses the executor with the least load in proportion to its weight.
        ///
        /// The load is the number of attempts under way at the executor, plus one for each 4 KiB of prompts that the
        /// executor has not begun to answer. Executors whose loads differ by less than one request take turns.
        case leastLoad = "least-load"
        /// The server chooses an executor that has probably cached the beginning of the prompt.
        ///
        /// If there is no such executor, or if it has much more to do than others, the server chooses as with
        /// `leastLoad`.
        case prefix
        /// The executors take turns, in proportion to their weights.
        case roundRobin = "round-robin"
        /// The same as `roundRobin`.
        case weighted
    }
}
