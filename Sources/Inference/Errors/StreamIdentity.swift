// The members that all chunks of one stream have in common. If the edge adds an error event to the stream, the event
// repeats them.

/// The members that each chunk of a stream repeats.
package struct StreamIdentity: Equatable, Sendable {
    /// The member `id` of each chunk.
    package var id: String
    /// The member `model` of each chunk, which is the name that the client used.
    package var model: String
    /// The member `created` of each chunk, in seconds since 1970.
    package var created: Int

    /// Makes an identity from its members.
    package init(id: String, model: String, created: Int) {
        self.id = id
        self.model = model
        self.created = created
    }
}
