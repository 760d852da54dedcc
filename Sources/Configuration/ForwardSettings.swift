// The settings of one configuration section that forward header fields from clients to executors.

/// The values of `forward_fields` and `forward_user_agent` in one section.
package struct ForwardSettings: Sendable, Equatable {
    /// Names in lower case; a name that ends in `*` is a prefix.
    package var fields: [String] = []
    /// Whether `user-agent` is forwarded; nil if the section does not set it.
    package var userAgent: Bool?
    package init() {}
}
