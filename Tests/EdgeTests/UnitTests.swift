// The systemd units that this repository contains: systemd knows every directive in them, and their sandbox is as
// strict as documented.

import Configuration
import Foundation
import Testing

@testable import Edge

@Suite struct UnitTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "infrastructure/systemd")

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// Writes the systemd units, under their installed names, to a folder for the duration of `body`.
    ///
    /// The program is replaced by /bin/true, because systemd-analyze checks that the program exists.
    private func withUnits<Answer>(activated: Bool, _ body: (URL) throws -> Answer) throws -> Answer {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appending(path: "units-\(UUID().uuidString)")
        let additions = folder.appending(path: "freeinference.service.d")
        try files.createDirectory(at: additions, withIntermediateDirectories: true)
        defer { try? files.removeItem(at: folder) }
        let service = try Self.text("hybrid_inference.service")
            .replacing(/\/usr\/local\/bin\/freeinference [a-z]+/, with: "/bin/true")
        try service.write(to: folder.appending(path: "freeinference.service"), atomically: true, encoding: .utf8)
        if activated {
            for (name, place) in [("socket-activation.conf", additions), ("freeinference.socket", folder)] {
                try Self.text(name).write(to: place.appending(path: name), atomically: true, encoding: .utf8)
            }
        }
        return try body(folder)
    }

    private func analyze(_ arguments: [String], in folder: URL) throws -> (status: Int32, said: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["systemd-analyze"] + arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C.UTF-8"]) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }

    /// The exposure that `systemd-analyze security` computes, in tenths: 0 is best, 100 worst.
    private func exposure(activated: Bool, threshold: Int) throws -> (holds: Bool, tenths: Int) {
        try withUnits(activated: activated) { folder in
            let rating = try analyze(
                ["security", "--offline=true", "--threshold=\(threshold)", "--no-pager", "./freeinference.service"],
                in: folder
            )
            let words = try #require(
                rating.said.firstMatch(of: /Overall exposure level for freeinference.service: (\d+)\.(\d)/),
                "\(rating.said)"
            )
            return (rating.status == 0, Int(words.1)! * 10 + Int(words.2)!)
        }
    }

    @Test func withTheBindCapabilityItIsConfined() throws {
        let rating = try exposure(activated: false, threshold: 16)
        #expect(rating.holds && rating.tenths <= 16)
    }

    @Test func withSocketsOfSystemdItIsConfinedFurther() throws {
        let rating = try exposure(activated: true, threshold: 12)
        #expect(rating.holds && rating.tenths <= 12)
    }

    @Test func theRatingCanFail() throws {
        let rating = try exposure(activated: false, threshold: 5)
        #expect(!rating.holds && rating.tenths > 5)
    }

    @Test(arguments: [false, true]) func systemdKnowsEveryDirective(activated: Bool) throws {
        try withUnits(activated: activated) { folder in
            let names = ["./freeinference.service"] + (activated ? ["./freeinference.socket"] : [])
            let seen = try analyze(["verify", "--man=no"] + names, in: folder)
            #expect(seen.status == 0)
            // Messages about other units of this machine are ignored.
            #expect(!seen.said.contains("freeinference"), "\(seen.said)")
        }
    }

    /// The socket unit and the example configuration must list the same addresses, because the server does not start
    /// otherwise.
    @Test func theSocketsAreThoseOfTheExample() throws {
        let example = Self.folder.appending(path: "freeinference.yaml").path
        let configuration = try Configuration.load(path: example, environment: [:], checkFile: { _ in nil }).get()
        let sockets = try Self.text("freeinference.socket").matches(of: /(?m)^ListenStream=(.+)$/).map { String($0.1) }
        #expect(sockets.sorted() == configuration.listeners.map { "\($0.address)" }.sorted())
    }
}
