// Reads the TLS settings of a listener: certificates, versions, key exchange groups, and the certificates of clients.
internal import Transport

extension ListenerSettings.TLS {
    /// Reads `tls` of a listener: its certificates, the lowest version and the groups of the key exchange.
    init(reading section: ConfigurationSection) {
        let expected = "at least one '- chain: FILE' with its 'key: FILE'"
        let sections = section.sections("certificates", expecting: expected)
        section.requireKey("certificates", expecting: expected)
        var certificates: [ListenerSettings.Certificate] = []
        var sectionsRead: [ConfigurationSection] = []
        var areGood = true
        for section in sections ?? [] {
            let chain = section.requiredFile("chain")
            let key = section.requiredFile("key")
            section.finish()
            let isGood = section.inspectPair(chain, key)
            guard let chain, let key else { continue }
            areGood = areGood && isGood
            certificates.append(ListenerSettings.Certificate(chainPath: chain.path, keyPath: key.path))
            sectionsRead.append(section)
        }
        self.init(certificates: certificates)
        section.read("minimum", &minimum)
        groups = section.keyExchangeGroups() ?? groups
        section.finish()
        guard areGood, certificates.count > 1 else { return }
        let files = certificates.map { CertificateFiles(chain: $0.chainPath, key: $0.keyPath) }
        guard let conflict = section.reader.inspection.conflict(files) else { return }
        let finding = CertificateFinding(.chain, conflict.message)
        sectionsRead[conflict.index].report(finding, in: files[conflict.index].chain, at: "chain")
    }
}

extension ConfigurationSection {
    /// Returns the path that is the value of a required key, and whether the file can be read; nil if the key is
    /// missing.
    fileprivate func requiredFile(_ key: String) -> (path: String, isReadable: Bool)? {
        let file = checkedFile(key)
        requireKey(key, expecting: "the path of a file")
        return file
    }

    /// Checks a certificate and its key; returns false if one of them has an error.
    fileprivate func inspectPair(
        _ chain: (path: String, isReadable: Bool)?,
        _ key: (path: String, isReadable: Bool)?
    ) -> Bool {
        let files = CertificateFiles(chain: chain?.path ?? "", key: key?.path ?? "")
        let areReadable = (chain: chain?.isReadable ?? false, key: key?.isReadable ?? false)
        let findings = reader.inspection.pair(
            files,
            areReadable.chain,
            areReadable.key,
            reader.certificateNotice
        )
        for finding in findings {
            let isChain = finding.place == .chain
            report(finding, in: isChain ? files.chain : files.key, at: isChain ? "chain" : "key")
        }
        return areReadable.chain && areReadable.key && findings.allSatisfy(\.isWarning)
    }
}

extension ConfigurationSection {
    /// The largest number of group names in `tls.groups`.
    private static let groupsMax = 16

    /// Reads `groups`; names that OpenSSL does not know get a warning, and a list without a known name is an error.
    ///
    /// - Returns: nil if the key is absent, or if its list is empty, is too long or has a malformed name.
    fileprivate func keyExchangeGroups() -> [String]? {
        let expected = "names of groups such as X25519 or P-256"
        guard let names = texts("groups", expecting: expected) else { return nil }
        requireKey("groups", expecting: expected)
        guard names.count <= Self.groupsMax else {
            report("groups", "has more than \(Self.groupsMax) names")
            return nil
        }
        var groups: [String] = []
        for (name, position) in names {
            guard name.utf8.count <= 64, name.utf8.allSatisfy({ $0.isAlphanumeric || $0 == 0x2D || $0 == 0x5F }) else {
                reader.report(
                    "\(self.name(of: "groups[]")): '\(Self.printable(name))': expected \(expected)",
                    at: position
                )
                return nil
            }
            groups.append(name)
        }
        let usable = TLSServerSettings.usable(groups)
        let leftOut = groups.filter { !usable.contains($0) }
        if usable.isEmpty, !groups.isEmpty {
            report("groups", "this OpenSSL knows none of these groups")
        } else if !leftOut.isEmpty {
            warn("groups", "left out, since this OpenSSL does not know them: \(leftOut.joined(separator: ", "))")
        }
        return groups.isEmpty ? nil : groups
    }

    /// Reads `sni_strict`; reports an error and returns false if the value is true but the listener has no TLS.
    func needsServerName(isSecure: Bool) -> Bool {
        var isStrict = false
        read("sni_strict", &isStrict)
        if isStrict, !isSecure { report("sni_strict", "needs tls") }
        return isStrict && isSecure
    }
}

extension ListenerSettings.ClientCertificates {
    private enum Rule: String, CaseIterable { case required, optional }

    /// Reads `client_ca` and `client_certificate`; reports an error for each of them if the listener has no TLS.
    ///
    /// Returns nil if `client_ca` is absent, or if the listener has no TLS.
    init?(reading section: ConfigurationSection, isSecure: Bool) {
        let file = section.checkedFile("client_ca")
        var rule = Rule.required
        section.read("client_certificate", &rule)
        for key in ["client_ca", "client_certificate"] where section.has(key) && !isSecure {
            section.report(key, "needs tls")
        }
        if section.has("client_certificate"), !section.has("client_ca") {
            section.report("client_certificate", "needs client_ca: the file of the authorities that sign them")
        }
        guard let file, isSecure else { return nil }
        if file.isReadable {
            let notice = section.reader.certificateNotice
            for finding in section.reader.inspection.clientAuthorities(file.path, notice) {
                section.report(finding, in: file.path, at: "client_ca")
            }
        }
        self.init(authoritiesPath: file.path, areRequired: rule == .required)
    }
}
