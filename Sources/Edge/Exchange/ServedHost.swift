// Refuses requests for hosts that the listener does not serve (`listeners[].hosts`), with status 421.
internal import HTTP
internal import Inference

extension Exchange {
    /// Refuses the request if its listener has a list of hosts and the host of the request is not in the list.
    ///
    /// A load balancer's health check and an ACME challenge are served for every host on a listener without TLS.
    ///
    /// - Returns: Whether the request was refused.
    func refusesHost(_ head: RequestHead) -> Bool {
        guard let hosts = stream.connection.settings.hosts, !hosts.serves(head.authority), !isExemptPath else {
            return false
        }
        handle(.refused(Failure(.misdirectedRequest)))
        return true
    }
}
