// Reads the priority class of a caller's requests, and the priority classes that the caller may choose.
internal import Routing

extension PriorityRule {
    /// Reads `priority` and `priority_choices` of one API key, or of clients without a key.
    init(reading section: ConfigurationSection) {
        self.init()
        section.read("priority", &usual)
        section.read("priority_choices", &choices)
    }
}
