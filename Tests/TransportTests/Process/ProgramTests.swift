import CLinux
import Glibc
import Testing

@testable import Transport

@Suite struct ProgramTests {
    /// Runs a shell script that gets the writing end of a pipe, and returns what it has written there.
    private func output(of script: String, _ change: (Program) -> Program = { $0 }) throws -> String {
        var pair: [CInt] = [0, 0]
        try #require(clinux_socket_pair(&pair) == 0)
        defer { close(pair[0]) }
        let program = Program(
            path: "/bin/bash",
            arguments: ["bash", "-c", script, "\(pair[1])"].map { Array($0.utf8) },
            environment: [Array("A=1".utf8), Array("B=2".utf8)]
        )
        let process = try change(program).launch(keeping: [pair[1]])
        defer { process.release() }
        close(pair[1])
        _ = fcntl(pair[0], F_SETFL, 0)
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            let count = read(pair[0], &buffer, buffer.count)
            guard count > 0 else { break }
            text += buffer[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }

    @Test func theProcessGetsArgumentsEnvironmentAndDescriptors() throws {
        #expect(try output(of: #"echo "$A$B$0" >&$0"#).hasPrefix("12"))
        let changed = try output(of: #"echo "$A,$B,$C" >&$0"#) { $0.setting("A", to: nil).setting("C", to: "x=y") }
        #expect(changed == ",2,x=y\n")
    }

    @Test func theProcessIsNoChildOfThisOneAndBlocksNoSignal() throws {
        let parent = try output(of: "echo $PPID >&$0")
        #expect(parent != "\(getpid())\n" && !parent.isEmpty)
        let blocked = try output(of: "/bin/grep SigBlk /proc/self/status >&$0")
        #expect(blocked == "SigBlk:\t0000000000000000\n")
    }

    @Test func noOtherDescriptorStaysOpen() throws {
        let secret = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(secret) }
        let listed = try output(of: #"for f in /proc/$$/fd/*; do echo "${f##*/}"; done >&$0"#)
        #expect(!listed.split(separator: "\n").contains("\(secret)"))
    }

    @Test(arguments: [("/nowhere/at/all", ENOENT), ("/dev/null", EACCES), ("/etc/passwd", EACCES)])
    func aFileThatCannotRunIsTold(path: String, code: CInt) {
        do throws(SystemError) {
            _ = try Program(path: path, arguments: [], environment: []).launch(keeping: [])
            Issue.record("\(path) runs")
        } catch {
            #expect(error.code == code)
        }
    }

    @Test func aDescriptorThatIsClosedIsTold() {
        do throws(SystemError) {
            _ = try Program(path: "/bin/true", arguments: [], environment: []).launch(keeping: [9999])
            Issue.record("the program runs")
        } catch {
            #expect(error.code == EBADF)
        }
    }

    @Test func aProcessIsEnded() throws {
        var pair: [CInt] = [0, 0]
        try #require(clinux_socket_pair(&pair) == 0)
        defer { close(pair[0]) }
        let sleep = ["sleep", "1000"].map { Array($0.utf8) }
        let process = try Program(path: "/bin/sleep", arguments: sleep, environment: []).launch(keeping: [pair[1]])
        close(pair[1])
        _ = fcntl(pair[0], F_SETFL, 0)
        process.kill()
        process.release()
        var byte: UInt8 = 0
        // The end of the stream shows that no process holds the other socket any more, so the program has ended.
        #expect(read(pair[0], &byte, 1) == 0)
    }

    @Test func thePathOfTheStartIsAbsolute() throws {
        let path = try #require(Program.startPath)
        #expect(path.hasPrefix("/") && access(path, X_OK) == 0)
    }
}
