// The session that a client names in a request, as hashes. If possible, a pool sends the requests of one session to
// the same executor.

/// The session, such as a conversation, to which a request belongs, as hashes of the name that the client sends.
///
/// The hashes depend on a random secret of the process, so no client can name another tenant's session.
package struct SessionName: Equatable, Sendable {
    /// The hash of the tenant and of the session's name.
    package let hash: UInt64
    /// The hash of the tenant, if the name comes from a field for users; nil if it comes from a field for sessions.
    ///
    /// Many clients send the same user with all requests. So a user counts as a session only for tenants whose requests
    /// have named more than one user.
    package let tenantOfUser: UInt64?

    /// Makes a session name from its hashes.
    package init(hash: UInt64, tenantOfUser: UInt64? = nil) {
        self.hash = hash
        self.tenantOfUser = tenantOfUser
    }
}
