// The socket address of a configured listener.
internal import Configuration
internal import Transport

extension SocketAddress {
    /// The address to bind; nil if the text is not an address, or the path is too long for a unix socket.
    init?(_ address: ListenAddress) {
        switch address {
        case .tcp(let host, let port): self.init(numeric: host, port: port)
        case .unix(let path): self.init(unixPath: path)
        }
    }
}
