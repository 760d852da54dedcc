import HTTP
import Testing

@testable import Edge

@Suite struct CommandRequestTests {
    @Test(arguments: [
        CommandRequest.reload, .changes(file: nil), .changes(file: "/a b/\u{e9}.yaml"), .status,
        .order(OrderCommand(.drain, url: "http://e:1", model: "a&b=c", waits: true)),
        .order(OrderCommand(.resume, url: "unix:/a?b")), .order(OrderCommand(.weight(0), url: "e", model: "m")),
        .maintain(text: nil, retryAfter: nil), .maintain(text: "back at 5 o'clock \u{1F600}", retryAfter: 86_400),
        .endMaintenance, .reopenLog, .upgrade,
    ]) func whatTheCommandLineSendsIsRead(command: CommandRequest) throws {
        let (method, target) = command.request
        #expect(target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        #expect(try CommandRequest(method, target: target) == command)
    }

    private func problem(_ method: HTTP.Method, _ target: String) -> CommandRequest.Problem? {
        do throws(CommandRequest.Problem) {
            _ = try CommandRequest(method, target: target)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatIsNoCommandIsTold() {
        for target in ["", "/", "/executors", "/executors/", "/executors/drain/", "*", "/Status"] {
            #expect(problem(.post, target) == .unknownPath, "\(target)")
        }
        #expect(problem(.get, "/executors/drain?url=61") == .otherMethod("POST"))
        #expect(problem(.post, "/status") == .otherMethod("GET"))
        #expect(problem(.head, "/status") == .otherMethod("GET"))
    }

    @Test(arguments: [
        "/executors/drain", "/executors/drain?url", "/executors/drain?url=", "/executors/drain?url=6",
        "/executors/drain?url=zz", "/executors/drain?url=ff", "/executors/drain?url=610a",
        "/executors/drain?url=61&model=0a", "/executors/drain?url=61&model=queue",
        "/executors/weight?url=61", "/executors/weight?url=61&value=-1",
        "/executors/weight?url=61&value=1000001", "/executors/weight?url=61&value=99999999999999999999",
        "/maintenance/on?text=0a", "/maintenance/on?text=Back",
        "/maintenance/on?retry_after=0", "/maintenance/on?retry_after=86401",
        "/maintenance/on?retry_after=x",
    ]) func aFaultyArgumentIsTold(target: String) {
        guard case .argument(let text)? = problem(.post, target) else {
            Issue.record("\(target) is taken")
            return
        }
        #expect(!text.isEmpty)
    }

    @Test func theTextOfMaintenanceIsBounded() {
        let most = String(repeating: "x", count: Maintenance.textMax)
        #expect(problem(.post, CommandRequest.maintain(text: most, retryAfter: nil).request.target) == nil)
        let more = CommandRequest.maintain(text: most + "x", retryAfter: nil).request.target
        #expect(problem(.post, more) == .argument("the text has more than 1000 characters"))
    }
}
