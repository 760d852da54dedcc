// Combines the lists of models that an engine returns: a model is removed when two lists in a row lack it.
internal import Configuration
internal import Transport

/// The models of one engine, according to the lists that it has returned so far.
struct DiscoveredModels {
    /// The models that the engine serves according to its lists.
    ///
    /// Before its first list these are the models that were passed to `init` as `known`, or nil if there were none.
    private(set) var listing: FoundMembers.Listing?
    /// The models in `listing` that the engine's last list lacked; they are removed if the next list lacks them too.
    private var missing: Set<ExactText> = []

    /// - Parameter known: the models that were found at the engine under an earlier configuration; nil if none were.
    init(known: FoundMembers.Listing? = nil) { listing = known }

    /// Updates `listing` from the engine's next list.
    ///
    /// Known models keep their order, so that a list of the same models in another order is no change.
    mutating func take(_ answer: EngineListing) {
        var listed = Dictionary(answer.models.map { (ExactText($0.name), $0) }) { first, _ in first }
        var new = FoundMembers.Listing()
        new.kind = answer.kind
        var nowMissing: Set<ExactText> = []
        for model in listing?.models ?? [] {
            let name = ExactText(model.name)
            if let still = listed.removeValue(forKey: name) {
                new.models.append(still)
            } else if !missing.contains(name) {
                nowMissing.insert(name)
                new.models.append(model)
            }
        }
        for model in answer.models where listed[ExactText(model.name)] != nil {
            guard new.models.count < EngineListing.modelsMax else { break }
            new.models.append(model)
        }
        missing = nowMissing
        listing = new
    }
}
