// `freeinference upgrade`: replaces the running server by a new process of the same program.
import ArgumentParser
import Edge
import Transport

/// Tells the server to start its program again and to hand its sockets over to the new process, and prints the result.
struct UpgradeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Have the running server start its program anew, and hand its sockets over without a cut.",
        discussion: """
            The program is the file by whose path the server was started, with the same arguments and environment; so \
            put the new version there first. The new process reads the configuration. Once it serves, the old one \
            drains for up to upgrade_drain. Exits with 0 when the new process has taken over, and with 2 when the \
            running one goes on, with the reason. With 1 when no server can be reached. SIGUSR2 does the same without \
            an answer.
            """
    )

    @OptionGroup var server: CommandSocketOption

    /// How long to wait for the server's answer, in nanoseconds: twice the longest `upgrade_timeout`, and a minute.
    ///
    /// `upgrade_timeout` applies twice: until the new process is ready, and then until it accepts connections.
    private static let timeout: Nanoseconds = 1_260_000_000_000

    func run() throws { try server.carryOut(.upgrade, timeout: Self.timeout) }
}
