// The checks of a configuration that need other files or properties of this machine. The checks are closures, so that
// tests can replace the files and the machine.
internal import Transport

/// The checks of certificates, API keys and certificate authorities, and the properties of this machine.
package struct FileInspection {
    /// Checks a certificate chain and its key; the two flags say whether the chain's and the key's file can be read.
    ///
    /// A chain that expires within `notice` seconds gets a warning.
    let pair:
        (_ files: CertificateFiles, _ chainIsReadable: Bool, _ keyIsReadable: Bool, _ notice: Int64) ->
            [CertificateFinding]
    /// Returns the reason why valid certificates cannot be used together on one listener, and the index of the
    /// certificate at fault; nil if they can be used together.
    let conflict: ([CertificateFiles]) -> (index: Int, message: String)?
    /// Checks a file of the authorities that sign engines' certificates; an authority that expires within `notice`
    /// seconds gets a warning.
    let authorities: (_ path: String, _ notice: Int64) -> [CertificateFinding]
    /// Checks a file of the authorities that sign clients' certificates; an authority that expires within `notice`
    /// seconds gets a warning.
    let clientAuthorities: (_ path: String, _ notice: Int64) -> [CertificateFinding]
    /// Returns the reason why this process cannot read a folder; nil if it can.
    let folder: (String) -> FileProblem?
    /// Checks the file of API keys and the file of the secret with which the keys are hashed; nil if these files are
    /// not checked.
    let keys: ((_ path: String, _ secretPath: String) -> KeyFindings)?
    /// Returns the reason why this process can neither append to a log file nor create it; nil if it can.
    let logFile: (String) -> FileProblem?
    /// Returns the addresses of this machine's interfaces, as text.
    let ownAddresses: () -> [String]
    /// Returns the name of this machine.
    let ownName: () -> String
    /// Returns the id of a group of users by its name; nil if the system does not know the name.
    let group: (String) -> UInt32?

    /// The inspection that checks nothing.
    package static var none: FileInspection {
        FileInspection(
            pair: { _, _, _, _ in [] },
            conflict: { _ in nil },
            authorities: { _, _ in [] },
            clientAuthorities: { _, _ in [] },
            folder: { _ in nil },
            keys: nil,
            logFile: { _ in nil },
            ownAddresses: { [] },
            ownName: { "" },
            group: { _ in 0 }
        )
    }

    /// The inspection that checks the files on this machine.
    ///
    /// - Parameters:
    ///   - keys: Checks the file of API keys and the file of the secret with which the keys are hashed. The running
    ///     server passes nil, because it opens both files itself and makes the secret if there is none.
    ///   - now: The time with which expiry dates are compared, in seconds since 1970.
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
            clientAuthorities: { CertificateInspection.findings(clientAuthorities: $0, now: now, notice: $1) },
            folder: SystemFiles.checkFolder,
            keys: keys,
            logFile: SystemFiles.checkAppendable,
            ownAddresses: Interfaces.addresses,
            ownName: Interfaces.hostName,
            group: SocketFileAccess.groupID
        )
    }
}

extension ConfigurationSection {
    /// Reports a finding about the file at `path`, which the value of `key` names.
    func report(_ finding: CertificateFinding, in path: String, at key: String) {
        let message = "\(Self.printable(path)) \(finding.message)"
        if finding.isWarning { warn(key, message) } else { report(key, message) }
    }
}
