// Finds names that two models of a configuration share, and fallbacks that are not the id of any model.
internal import Transport

/// The ids, aliases and fallbacks of all models.
///
/// Names are collected while the models are read. Then `check` reports names that two models share, and fallbacks that
/// no model has as its id.
/// An id or an alias must belong to exactly one model. Names are compared byte by byte, like the names in requests.
struct ModelNames {
    var ids: [(String, ConfigurationLocation)] = []
    var aliases: [(String, ConfigurationLocation)] = []
    var fallbacks: [(model: String?, target: String, location: ConfigurationLocation)] = []

    /// Reports names that two models share, and fallbacks that are not the id of another model.
    func check() {
        var idLocations: [ExactText: ConfigurationLocation] = [:]
        for (id, location) in ids {
            if let first = idLocations[ExactText(id)] {
                location.report("models[].id: '\(shown(id))' is the id of a model \(first.described(from: location))")
            } else {
                idLocations[ExactText(id)] = location
            }
        }
        var aliasLocations: [ExactText: ConfigurationLocation] = [:]
        for (alias, location) in aliases {
            if let first = idLocations[ExactText(alias)] {
                let model = first.described(from: location)
                location.report("models[].aliases[]: '\(shown(alias))' shadows the model \(model)")
            } else if let first = aliasLocations[ExactText(alias)] {
                let model = first.described(from: location)
                location.report("models[].aliases[]: '\(shown(alias))' is an alias \(model)")
            } else {
                aliasLocations[ExactText(alias)] = location
            }
        }
        for fallback in fallbacks {
            if let model = fallback.model, model.hasBytes(of: fallback.target) {
                fallback.location.report("models[].fallbacks[]: a model cannot be its own fallback")
            } else if idLocations[ExactText(fallback.target)] == nil {
                let message = "models[].fallbacks[]: '\(shown(fallback.target))' is not the id of a model here"
                fallback.location.report(message)
            }
        }
    }

    private func shown(_ name: String) -> String { ConfigurationSection.printable(name) }
}
