// Fuzzes complete client connections: HTTP/1.1, HTTP/2, and the upgrade from one to the other.
import HTTP
import LoopTesting
import Transport

/// Fuzzes the server with a client that sends HTTP/1.1, or any other bytes.
final class HTTP1ServerTarget: FuzzTarget {
    static let name = "http1-server"
    private let scenario = ServerScenario()

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let settings = serverSettings(input.choice())
        let ending = input.choice()
        let events = input.choice()
        let cuts = Cuts(input.choice())
        let bytes = input.rest
        scenario.run(connectionSteps(bytes, cuts: cuts, events: events), settings: settings, ending: ending, findings)
        // On HTTP/2, how the bytes are divided into reads decides which frames before a fault the server still answers.
        // So the outputs are not compared.
        guard events == 0, findings.messages.isEmpty, !bytes.starts(with: HTTP2Preface.bytes) else { return }
        // If only the client's bytes arrive, and no other event happens, the server's output must not depend on how the
        // bytes are divided into reads.
        let answered = Said(scenario)
        scenario.run(connectionSteps(bytes, cuts: .none, events: 0), settings: settings, ending: ending, findings)
        let whole = Said(scenario)
        guard answered.isPredictable, whole.isPredictable, ending & 3 != 1, ending & 3 != 2 else { return }
        // A client that does not speak HTTP gets no response or a partial one, depending on how its bytes are divided.
        if answered.output.isEmpty || whole.output.isEmpty { return }
        findings.expect(
            answered.output == whole.output,
            "cut: \(shown(answered.output)), whole: \(shown(whole.output))"
        )
    }

    private struct Said {
        let output: [UInt8]
        let isPredictable: Bool

        init(_ scenario: ServerScenario) {
            output = scenario.output
            isPredictable = scenario.wasPredictable
        }
    }
}

/// A client that speaks HTTP/2 from its first byte, without TLS or an upgrade.
final class HTTP2SessionTarget: FuzzTarget {
    static let name = "http2-session"
    private let scenario = ServerScenario()

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let settings = serverSettings(input.choice())
        let ending = input.choice()
        let form = input.choice()
        let choice = input.choice()
        let bytes = input.rest
        let begin = HTTP2Preface.bytes + HTTP2Script.frame(4, 0, 0, [])
        let steps: [Step]
        switch form & 3 {
        // The client sends the fuzzer's bytes as they are, after a preface and SETTINGS or without them.
        case 0: steps = connectionSteps(begin + bytes, cuts: Cuts(choice), events: form >> 2)
        case 1: steps = connectionSteps(bytes, cuts: Cuts(choice), events: form >> 2)
        // The client sends frames that a script makes from the fuzzer's bytes.
        default:
            var script = HTTP2Script(bytes, cuts: form & 4 != 0 ? Cuts(choice) : .none)
            steps = [.bytes(begin + (form & 8 != 0 ? HTTP2Script.frame(4, 1, 0, []) : []))] + script.steps()
        }
        scenario.run(steps, settings: settings, ending: ending, findings)
    }
}

/// A client that asks for an upgrade to HTTP/2 by `Upgrade: h2c`, and then sends HTTP/2 or any other bytes.
final class UpgradeTarget: FuzzTarget {
    static let name = "upgrade"
    private let scenario = ServerScenario()

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let settings = serverSettings(input.choice())
        let ending = input.choice()
        let form = input.choice()
        let choice = input.choice()
        let bytes = input.rest
        // With bit 0 of `form` set, the client sends the fuzzer's bytes as they are. Otherwise it sends a request with
        // an upgrade: the first line of the bytes is the value of the field HTTP2-Settings, and the rest is sent as the
        // body and as HTTP/2.
        guard form & 1 == 0 else {
            let steps = connectionSteps(bytes, cuts: Cuts(choice), events: form >> 2)
            scenario.run(steps, settings: settings, ending: ending, findings)
            return
        }
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        var rest = Array(bytes.dropFirst(line.count + 1))
        var request = "\(form & 2 == 0 ? "GET" : "POST") /\(Character(Unicode.Scalar(0x61 + choice % 12))) HTTP/1.1\r\n"
        request += "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        let body = form & 2 == 0 ? [] : Array(rest.prefix(Int(choice >> 2)))
        rest.removeFirst(body.count)
        if form & 2 != 0 { request += "Content-Length: \(body.count)\r\n" }
        let head = Array(request.utf8) + Array("HTTP2-Settings: ".utf8) + line + Array("\r\n\r\n".utf8)
        let begin = head + body + HTTP2Preface.bytes + HTTP2Script.frame(4, 0, 0, [])
        let steps: [Step]
        if form & 4 != 0 {
            steps = connectionSteps(begin + rest, cuts: Cuts(choice), events: form >> 4)
        } else {
            var script = HTTP2Script(rest, cuts: .none)
            steps = connectionSteps(begin, cuts: Cuts(choice), events: 0) + script.steps()
        }
        scenario.run(steps, settings: settings, ending: ending, findings)
    }
}
