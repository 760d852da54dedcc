// How the files that a configuration names are checked, beyond whether they can be read, and what is asked of the
// machine. These checks are parameters, so that tests can provide their own files and their own machine.
internal import Transport

/// The checks of certificates, keys and authorities, and what a configuration's check asks of the machine.
package struct FileInspection {
    /// Checks a certificate chain and its key; the two flags say which of the files can be read.
    ///
    /// A chain that expires within `notice` seconds gets a warning.
    let pair:
        (_ files: CertificateFiles, _ chainIsReadable: Bool, _ keyIsReadable: Bool, _ notice: Int64) ->
            [CertificateFinding]
    /// Returns why certificates, each of which is valid, cannot be used on one listener together, and the index of the
    /// one at fault; nil if they can be.
    let conflict: ([CertificateFiles]) -> (index: Int, message: String)?
    /// Checks a file of certificate authorities, with the same warning.
    let authorities: (_ path: String, _ notice: Int64) -> [CertificateFinding]
    /// Checks the file of API keys and the file of their secret; nil if they are not checked.
    let keys: ((_ path: String, _ secretPath: String) -> KeyFindings)?
    /// Returns why this process cannot append to a log file, or make it; nil if it can.
    let logFile: (String) -> FileProblem?
    /// Returns the addresses of this machine's interfaces, as text.
    let ownAddresses: () -> [String]
    /// Returns the name of this machine.
    let ownName: () -> String
    /// Returns the number of a group; nil if the system knows no group of this name.
    let group: (String) -> UInt32?

    /// Checks nothing.
    package static var none: FileInspection {
        FileInspection(
            pair: { _, _, _, _ in [] },
            conflict: { _ in nil },
            authorities: { _, _ in [] },
            keys: nil,
            logFile: { _ in nil },
            ownAddresses: { [] },
            ownName: { "" },
            group: { _ in 0 }
        )
    }

    /// Checks the files on this machine.
    ///
    /// - Parameters:
    ///   - keys: Checks the file of API keys and its secret. The server passes nil: it opens both itself, and makes the
    ///     secret if there is none.
    ///   - now: The time for expiry dates, in seconds since 1970.
    package static func ofFiles(
        keys: ((_ path: String, _ secretPath: String) -> KeyFindings)? = nil,
        now: Int = Clock.wallTime().seconds
    ) -> FileInspection {
        let now = Int64(now)
        return FileInspection(
            pair: {
                CertificateInspection.findings($0, chainIsReadable: $1, keyIsReadable: $2, now: now, notice: $3)
            },
            conflict: { CertificateInspection.conflict(among: $0) },
            authorities: { CertificateInspection.findings(authorities: $0, now: now, notice: $1) },
            keys: keys,
            logFile: SystemFiles.checkAppendable,
            ownAddresses: Interfaces.addresses,
            ownName: Interfaces.hostName,
            group: SocketFileAccess.groupID
        )
    }
}

extension ConfigurationSection {
    /// Reports what was found in the file at `path`, which `key` names.
    func report(_ finding: CertificateFinding, in path: String, at key: String) {
        let message = "\(Self.printable(path)) \(finding.message)"
        if finding.isWarning { warn(key, message) } else { report(key, message) }
    }
}
