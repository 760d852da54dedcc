import Glibc
import Inference
import Testing

@testable import Edge

/// A message in which the old process hands everything over to the new one, with a value in every member.
let completeHandover = Handover(
    process: 4711,
    version: "0.1.0",
    number: 3,
    listeners: [
        Handover.ListenerSockets(address: "0.0.0.0:443", descriptors: [5, 6]),
        Handover.ListenerSockets(address: "127.0.0.1:0", number: 1, descriptors: [7], isInherited: true),
    ],
    admin: Handover.ListenerSockets(address: "127.0.0.1:9901", descriptors: [8]),
    commands: Handover.ListenerSockets(address: "unix:/run/a.sock", descriptors: [9]),
    predecessors: [
        Handover.Predecessor(descriptor: 10, process: 12, number: 2, version: "0.0.9", since: 1_790_000_000, column: 4),
        Handover.Predecessor(
            descriptor: 11,
            process: 13,
            number: 1,
            version: "0.0.8",
            since: 1_780_000_000,
            isHurried: true
        ),
    ],
    counts: Handover.CountsFile(descriptor: 14, column: 2, giver: 1),
    state: Array(#"{"a":[1,2.5,null,true,"\u00e9\n"]}"#.utf8)
)

@Suite struct UpgradeMessageTests {
    @Test(arguments: [
        UpgradeMessage.ready(taken: [3, 4], version: "1"), .failed(["a", "b \"c\"\n"]), .failed([]),
        .commit(state: Array(#"{"x":1}"#.utf8)), .abort, .serving, .main(reloads: true, ends: false),
        .main(reloads: false, ends: true),
        .report(UpgradeMessage.DrainingReport(exchanges: 1, connections: 2, until: 3)),
        .use(Array("[]".utf8)), .hurry(stops: true), .hurry(stops: false), .cut, .reopenLog,
        .hurry(stops: true, within: 60_000_000_000), .signal(SIGTERM),
    ]) func whatIsWrittenIsRead(message: UpgradeMessage) {
        let line = message.line
        #expect(line.last == 0x0A && !line.dropLast().contains(0x0A))
        #expect(UpgradeMessage(line: line.dropLast()) == message)
    }

    @Test func aHandOverIsReadWhole() throws {
        let line = UpgradeMessage.handover(completeHandover).line
        guard case .handover(var read)? = UpgradeMessage(line: line.dropLast()) else {
            Issue.record("not read")
            return
        }
        // The state is compared as JSON, because its text may differ, for example in the order of members.
        #expect(JSONValue(parsing: read.state) == JSONValue(parsing: completeHandover.state))
        read.state = completeHandover.state
        #expect(read == completeHandover)
        #expect(Set(read.descriptors) == Set(5...11).union([14]))
    }

    @Test func membersThatAreNotKnownAreIgnored() {
        let line = #"{"type":"ready","taken":[3],"version":"2","colour":{"a":1}}"#
        #expect(UpgradeMessage(line: Array(line.utf8)) == .ready(taken: [3], version: "2"))
        #expect(UpgradeMessage(line: Array(#"{"type":"main"}"#.utf8)) == .main(reloads: false, ends: false))
    }

    @Test(arguments: [
        "", "x", "{}", "[]", #"{"type":1}"#, #"{"type":"new"}"#, #"{"type":"ready"}"#, #"{"type":"report"}"#,
        #"{"type":"handover"}"#, #"{"type":"handover","protocol":2,"process":1,"number":1,"listeners":[]}"#,
        #"{"type":"handover","protocol":1,"process":1,"number":1,"listeners":[{}],"#
            + #""admin":{"address":"a","descriptors":[1]},"predecessors":[]}"#,
        #"{"type":"handover","protocol":1,"process":1,"number":1,"listeners":[],"#
            + #""admin":{"address":"a","descriptors":[]},"predecessors":[]}"#,
        #"{"type":"handover","protocol":1,"process":1,"number":1,"listeners":[],"#
            + #""admin":{"address":"a","descriptors":[1]},"predecessors":[{}]}"#,
    ]) func whatIsNoMessageIsNotRead(line: String) { #expect(UpgradeMessage(line: Array(line.utf8)) == nil) }
}
