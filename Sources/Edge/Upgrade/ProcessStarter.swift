// What has started this process, and whether it would treat the end of this process as the end of the server.
internal import Configuration
internal import Glibc
internal import Transport

/// The facts about the start of this process that decide whether an upgrade is possible.
///
/// After an upgrade this process ends, and a new one serves. Upgrades are refused if the program that started this
/// process, such as a container runtime, would then consider the server ended.
struct ProcessStarter: Equatable {
    /// The id of this process.
    var process: Int32
    /// The id of the process that has started this one, at the time of the start.
    var parent: Int32
    /// The name of the process with the id 1, such as `systemd`; nil if it is not known.
    var firstName: String?
    /// The environment variables of this process.
    var environment: [String: String]

    /// Collects the facts about the calling process; called at its start, because its parent may end later.
    static func ofThisProcess(environment: [String: String]) -> ProcessStarter {
        ProcessStarter(
            process: getpid(),
            parent: getppid(),
            firstName: (try? SystemFiles.read("/proc/1/comm").get()).map {
                String(decoding: $0.prefix { $0 != 0x0A }, as: UTF8.self)
            },
            environment: environment
        )
    }

    /// The reason why an upgrade would end the server; nil if it would not.
    var obstacle: String? {
        if process == 1 { return "the server is the process 1 of its container: start a new container" }
        // If an upgrade has started this process, the server has already outlived its first process. If NOTIFY_SOCKET
        // is set, the server can tell systemd that the new process is the main one.
        if environment[Inheritance.variable] != nil || environment["NOTIFY_SOCKET"] != nil { return nil }
        // systemd sets SYSTEMD_EXEC_PID for the processes that it starts itself (systemd.exec(5)).
        if environment["SYSTEMD_EXEC_PID"] == "\(process)" {
            return "systemd would end the service together with this process, since its unit has no Type=notify"
        }
        if parent == 1, let firstName, !["systemd", "init"].contains(firstName) {
            return "\(LogText.bounded(firstName)) would end the container together with this process: "
                + "start a new container"
        }
        return nil
    }
}
