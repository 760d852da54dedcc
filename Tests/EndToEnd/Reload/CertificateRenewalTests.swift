import Foundation
import Testing

/// Tests that a running server notices when certificate files are replaced, and uses the new certificate.
@Suite struct CertificateRenewalTests {
    /// The longest time that the server may need to notice renewed files; it is long because the machine may be busy.
    private static let patience = Duration.seconds(60)

    /// A symbolic link `live` to the folder of one certificate, as certbot makes it.
    private struct Live {
        let scratch: Scratch

        /// Makes a certificate for a host name, in a folder of the same name.
        func make(_ name: String) async throws -> (chain: String, key: String) {
            try await makeCertificate([name, "localhost"], in: scratch, folder: name)
        }

        /// Makes `live` link to another folder, in one step, so that there is no moment without the link.
        func link(to folder: String) throws {
            let next = scratch.file("live.next")
            guard symlink(scratch.file(folder), next) == 0, rename(next, scratch.file("live")) == 0 else {
                throw Unmet("cannot link: \(String(cString: strerror(errno)))")
            }
        }
    }

    private func withLive(_ body: (Server, Live, (chain: String, key: String)) async throws -> Void) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let live = Live(scratch: scratch)
        let first = try await live.make("one.example")
        try live.link(to: "one.example")
        try await withExecutor { executor in
            var configuration = Configuration(executors: [executor.url])
            configuration.commands = scratch.file("admin.sock")
            let shared = try await Certificates.shared()
            let chain = "live/" + (first.chain as NSString).lastPathComponent
            let key = "live/" + (first.key as NSString).lastPathComponent
            let text = configuration.yaml(shared)
                .replacing(shared.chain, with: scratch.file(chain))
                .replacing(shared.key, with: scratch.file(key))
            try await withServer(configuration, yaml: text) { server in try await body(server, live, first) }
        }
    }

    @Test func aRenewedLinkIsServedWithoutAReload() async throws {
        try await withLive { server, live, _ in
            #expect(try await server.certificateNames("-servername x").contains("one.example"))
            // A connection that has had a request may be idle for long, so it stays open until the certificate has
            // changed.
            let open = try await server.connect()
            let request = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
            try await open.send(request)
            #expect(try await open.receiveAnswer().status == 200)
            _ = try await live.make("two.example")
            try live.link(to: "two.example")
            try await eventually("the renewed certificate", within: Self.patience) {
                try await server.certificateNames("-servername x").contains("two.example") ? true : nil
            }
            #expect(server.process.errors.contains("renewed certificates are served, generation 2"))
            // A connection that was opened before the renewal still works.
            try await open.send(request)
            #expect(try await open.receiveAnswer().status == 200)
        }
    }

    /// The new chain is written first and the new key later.
    ///
    /// Until both fit, the server keeps the old certificate and warns once.
    @Test func aPairThatDoesNotFitIsNotServed() async throws {
        try await withLive { server, live, first in
            let second = try await live.make("two.example")
            let old = try Data(contentsOf: URL(filePath: second.chain))
            try old.write(to: URL(filePath: first.chain), options: .atomic)
            try await eventually("the warning", within: Self.patience) {
                server.process.errors.contains("the certificates in force stay") ? true : nil
            }
            #expect(try await server.certificateNames("-servername x").contains("one.example"))
            // The server refuses a reload too, because certificate and key do not fit. The command prints the reason.
            let refused = try await server.command("reload")
            #expect(refused.status == .exited(2) && refused.output.contains("does not belong"), "\(refused)")
            try Data(contentsOf: URL(filePath: second.key)).write(to: URL(filePath: first.key), options: .atomic)
            try await eventually("the pair", within: Self.patience) {
                try await server.certificateNames("-servername x").contains("two.example") ? true : nil
            }
            let count = server.process.errors.components(separatedBy: "the certificates in force stay").count - 1
            #expect(count == 1, "\(server.process.errors)")
        }
    }
}
