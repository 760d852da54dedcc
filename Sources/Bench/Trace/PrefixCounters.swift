// The counters of an executor's prefix cache, read from its page of metrics.

/// How many tokens of prompts an executor has looked up in its prefix cache, and how many of them it has found there.
struct PrefixCounters: Equatable {
    /// How many tokens of prompts the executor has looked up in its prefix cache.
    var queries: Double
    /// How many of the looked-up tokens were in the cache.
    var hits: Double

    init(queries: Double, hits: Double) {
        self.queries = queries
        self.hits = hits
    }

    /// Reads a page in the text format of Prometheus.
    ///
    /// If a vLLM server has several engine processes, its page has one line for each counter of each process (label
    /// `engine`). For each counter, the values of its lines are added up.
    ///
    /// - Returns: nil if the page lacks the counter of queries or the counter of hits.
    init?(page: String) {
        guard let queries = Self.sum("vllm:prefix_cache_queries_total", in: page),
            let hits = Self.sum("vllm:prefix_cache_hits_total", in: page)
        else { return nil }
        self.init(queries: queries, hits: hits)
    }

    /// The fraction of the looked-up tokens that were in the cache; nil if no token was looked up.
    var ratio: Double? { queries > 0 ? hits / queries : nil }

    /// The tokens that the executor has looked up and found since it reported `earlier`.
    ///
    /// A restart sets an executor's counters to 0. So if the counters are smaller than `earlier`, the executor was
    /// restarted, and all tokens of the counters are returned.
    func since(_ earlier: PrefixCounters) -> PrefixCounters {
        guard queries >= earlier.queries, hits >= earlier.hits else { return self }
        return PrefixCounters(queries: queries - earlier.queries, hits: hits - earlier.hits)
    }

    private static func sum(_ name: String, in page: String) -> Double? {
        var sum: Double?
        for line in page.split(separator: "\n") where line.hasPrefix(name) {
            let rest = line.dropFirst(name.count)
            guard rest.first == "{" || rest.first == " " else { continue }
            // A value of a label may have spaces and braces, so the end of the labels is sought from the end of the
            // line.
            let end = rest.lastIndex(of: "}").map { rest.index(after: $0) } ?? rest.startIndex
            guard let word = rest[end...].split(separator: " ").first, let value = Double(word) else { continue }
            sum = (sum ?? 0) + value
        }
        return sum
    }
}
