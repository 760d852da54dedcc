// The session that a client has named for a request, as hashes.

/// The name of a session, such as a conversation, that a client has sent with a request.
///
/// The hashes depend on a random secret of the process, so no client can name another tenant's session.
package struct SessionName: Equatable, Sendable {
    /// The hash of the tenant and of the name.
    package let hash: UInt64
    /// The hash of the tenant, if the name is that of a user; nil for a name that is certainly a session's.
    ///
    /// Many clients send the same user with all requests. So a user counts as a session only for tenants whose requests
    /// have named more than one user.
    package let tenantOfUser: UInt64?

    /// Makes a name from its hashes.
    package init(hash: UInt64, tenantOfUser: UInt64? = nil) {
        self.hash = hash
        self.tenantOfUser = tenantOfUser
    }
}
