// Removes from a draft everything that `freeinference check` would refuse. Examples are a second model of the same
// name, a second executor of a model at the same URL, and two different values of `kind` for one URL.
internal import Configuration
internal import Transport

extension DraftConfiguration {
    /// Removes everything that `freeinference check` would refuse, and makes a note about nearly every removal.
    ///
    /// Three things are removed without a note: an alias that is equal to the id of its model, the second entry of the
    /// same fallback in a model, and the weight of a model's only executor unless the weight is 0.
    ///
    /// - Returns: Placeholder values for the environment variables of the draft, so that it can be checked without the
    ///   real values.
    mutating func settle(_ notes: MigrationNotes) -> PlaceholderEnvironment {
        var environment = PlaceholderEnvironment()
        var kinds: [ExecutorURL: ExecutorSettings.Kind] = [:]
        for index in models.indices {
            models[index].settleExecutors(&environment, &kinds, notes)
        }
        models.removeAll { model in
            guard model.executors.isEmpty else { return false }
            let name = ForeignDocument.printable(model.id)
            notes.lost("model '\(name)'", "no executor of it could be carried over", at: model.position)
            return true
        }
        settleNames(notes)
        for model in models {
            environment.note(text: model.id)
            for name in model.aliases + model.fallbacks { environment.note(text: name.name) }
            for field in model.catalog { environment.note(text: field.yaml) }
        }
        return environment
    }

    /// Removes models and aliases whose name is already used, and fallbacks that are not the id of another model.
    private mutating func settleNames(_ notes: MigrationNotes) {
        var ids: Set<ExactText> = []
        models.removeAll { model in
            guard !ids.insert(ExactText(model.id)).inserted else { return false }
            let name = ForeignDocument.printable(model.id)
            notes.lost("model '\(name)'", "another model before it has this name", at: model.position)
            return true
        }
        var names = ids
        for index in models.indices {
            let id = models[index].id
            models[index].aliases.removeAll { alias in
                if alias.name.hasBytes(of: id) { return true }
                guard !names.insert(ExactText(alias.name)).inserted else { return false }
                let name = ForeignDocument.printable(alias.name)
                notes.lost("alias '\(name)'", "another model, or this one, has this name already", at: alias.position)
                return true
            }
            var kept: Set<ExactText> = []
            models[index].fallbacks.removeAll { fallback in
                let name = ForeignDocument.printable(fallback.name)
                if fallback.name.hasBytes(of: id) {
                    notes.lost("fallback '\(name)'", "a model cannot be its own fallback", at: fallback.position)
                    return true
                }
                if !ids.contains(ExactText(fallback.name)) {
                    notes.lost("fallback '\(name)'", "no model of this id was carried over", at: fallback.position)
                    return true
                }
                return !kept.insert(ExactText(fallback.name)).inserted
            }
        }
    }
}

extension DraftModel {
    fileprivate mutating func settleExecutors(
        _ environment: inout PlaceholderEnvironment,
        _ kinds: inout [ExecutorURL: ExecutorSettings.Kind],
        _ notes: MigrationNotes
    ) {
        var urls: Set<ExecutorURL> = []
        var kept: [DraftExecutor] = []
        let what = "executor of model '\(ForeignDocument.printable(id))'"
        for var executor in executors {
            guard case .success(let url) = environment.url(executor.url), urls.insert(url).inserted else {
                let why = "this model has an executor at the same URL already, and may have one only"
                notes.lost(what, why, at: executor.position)
                continue
            }
            if let kind = executor.kind {
                if kinds[url, default: kind] != kind {
                    executor.kind = nil
                    notes.changed(
                        what,
                        "its kind is left out, because another model says that the same URL is \(kinds[url]!.rawValue)",
                        at: executor.position
                    )
                } else {
                    kinds[url] = kind
                }
            }
            if let model = executor.model { environment.note(text: model) }
            if let apiKey = executor.apiKey { environment.note(text: apiKey) }
            kept.append(executor)
        }
        if kept.count > 0, kept.allSatisfy({ $0.weight == 0 }) {
            notes.changed(what, "its weight is left out, because all weights are 0", at: kept[0].position)
            for index in kept.indices { kept[index].weight = nil }
        }
        // The weight of an executor has no meaning if the model has no other executor.
        if kept.count == 1 { kept[0].weight = nil }
        executors = kept
    }
}
