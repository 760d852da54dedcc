// The rules of a listener about the addresses of peers and clients.
import Testing
import Transport

@testable import HTTP

@Suite struct AccessRulesTests {
    private func set(_ texts: String...) -> AddressSet {
        AddressSet(texts.compactMap { try? AddressRange(parsing: $0) })
    }
    private func address(_ text: String) -> SocketAddress { SocketAddress(IPAddress(parsing: text)!, port: 1) }
    private func rules(_ source: ClientAddressSource = .peer, _ change: (inout AccessRules) -> Void) -> AccessRules {
        var rules = AccessRules()
        rules.source = source
        rules.trustedPeers = TrustedPeers(set("10.0.0.0/8"))
        change(&rules)
        return rules
    }
    private func client(_ text: String, isPeerTrusted: Bool = false) -> Client {
        Client(peer: address("10.0.0.1"), address: address(text), source: .xForwardedFor, isPeerTrusted: isPeerTrusted)
    }

    @Test func withoutRulesAllAreServed() {
        let open = rules { _ in }
        #expect(open.isOpen && open.refusal(ofPeer: address("6.6.6.6")) == nil)
        #expect(open.refusal(of: client("6.6.6.6"), isExempt: false) == nil)
    }

    @Test func whereThePeerIsTheClientItIsRefusedAtAccept() {
        let both = rules {
            $0.allow = set("192.0.2.0/24")
            $0.deny = set("192.0.2.66")
        }
        #expect(both.refusal(ofPeer: address("192.0.2.1")) == nil)
        #expect(both.refusal(ofPeer: address("::ffff:192.0.2.1")) == nil)
        #expect(both.refusal(ofPeer: address("192.0.2.66")) == .deny)
        #expect(both.refusal(ofPeer: address("6.6.6.6")) == .allow)
        #expect(both.refusal(ofPeer: address("10.0.0.1")) == .allow, "a trusted peer is a client here")
    }

    @Test(arguments: [ClientAddressSource.proxyProtocol, .xForwardedFor, .forwarded, .cfConnectingIP])
    func aTrustedPeerIsJudgedByItsClients(source: ClientAddressSource) {
        let denying = rules(source) { $0.deny = set("10.0.0.0/8", "6.6.6.6") }
        #expect(denying.refusal(ofPeer: address("10.0.0.1")) == nil)
        #expect(denying.refusal(ofPeer: address("6.6.6.6")) == .deny)
        #expect(denying.refusal(ofClient: address("6.6.6.6")) == .deny)
        #expect(denying.refusal(of: client("6.6.6.6", isPeerTrusted: true), isExempt: false) == .deny)
    }

    @Test func strangersAreRefusedWithTrustedOnly() {
        let closed = rules(.cfConnectingIP) { $0.trustedOnly = true }
        #expect(closed.refusal(ofPeer: address("6.6.6.6")) == .trustedOnly)
        #expect(closed.refusal(ofPeer: address("10.0.0.1")) == nil)
    }

    @Test func somePathsAreExemptFromAllButDeny() {
        let clear = rules {
            $0.hasExemptPaths = true
            $0.trustedOnly = true
            $0.allow = set("192.0.2.0/24")
            $0.deny = set("6.6.6.6")
        }
        #expect(clear.refusal(ofPeer: address("7.7.7.7")) == nil)
        #expect(clear.refusal(ofPeer: address("6.6.6.6")) == .deny)
        #expect(clear.refusal(of: client("7.7.7.7"), isExempt: true) == nil)
        #expect(clear.refusal(of: client("7.7.7.7"), isExempt: false) == .trustedOnly)
        #expect(clear.refusal(of: client("7.7.7.7", isPeerTrusted: true), isExempt: false) == .allow)
        #expect(clear.refusal(of: client("6.6.6.6"), isExempt: true) == .deny)
    }

    @Test func aFollowedListIsReplaced() {
        let followed = rules(.forwarded) { $0.trustedOnly = true }
        followed.trustedPeers?.replace(with: set("192.0.2.0/24"))
        #expect(followed.trusts(address("192.0.2.1")) && !followed.trusts(address("10.0.0.1")))
    }
}
