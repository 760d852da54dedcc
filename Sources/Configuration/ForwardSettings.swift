// The settings that say which header fields of a client are forwarded to executors.

/// The values of `forward_fields`, `forward_user_agent` and `forward_client` in one section.
package struct ForwardSettings: Sendable, Equatable {
    /// The names of the forwarded fields, in lower case; a name that ends in `*` is a prefix.
    package var fields: [String] = []
    /// Whether `user-agent` is forwarded; nil if the section does not set it.
    package var userAgent: Bool?
    /// Whether requests to executors have header fields with the client's address; nil if the section does not set it.
    package var client: Bool?
    package init() {}
}
