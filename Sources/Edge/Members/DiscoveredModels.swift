// The models of an engine, from its successive lists. A model is removed when two lists in a row do not contain it.
internal import Configuration
internal import Transport

/// What an engine's lists of models have said so far.
struct DiscoveredModels {
    /// The models that are served; nil before the first list.
    private(set) var listing: FoundMembers.Listing?
    /// The served models that the last list did not contain.
    private var missing: Set<ExactText> = []

    /// - Parameter known: what is known from before; nil for nothing.
    init(known: FoundMembers.Listing? = nil) { listing = known }

    /// Takes another list.
    ///
    /// Models keep their order, whatever the order of the list is, so that the same models are no change.
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
