// The members that identify a stream of choices, so that an error event of the edge can repeat them.

/// The members that each chunk of a stream repeats.
package struct StreamIdentity: Equatable, Sendable {
    /// The `id` of the chunks.
    package var id: String
    /// The `model` of the chunks, by the name that the client used.
    package var model: String
    /// The `created` of the chunks, in seconds since 1970.
    package var created: Int

    /// Makes an identity from its members.
    package init(id: String, model: String, created: Int) {
        self.id = id
        self.model = model
        self.created = created
    }
}
