// Inspects certificate and key files for errors, and for causes of a warning, such as a certificate that expires soon.
// The `check` command reports the findings.

internal import COpenSSL

/// An error or a warning about a certificate file or a key file.
package struct CertificateFinding: Equatable, Sendable {
    /// The file of certificates (a chain, or authorities), or the file of the chain's private key.
    package enum Place: Sendable { case chain, key }

    /// Whether the finding is about the file of certificates or about that of the private key.
    package var place: Place
    /// Whether the server can use the file in spite of the finding.
    package var isWarning = false
    /// What is wrong with the file, in words that follow the file's name, such as "expired on 2026-01-31".
    package var message: String

    package init(_ place: Place, _ message: String, isWarning: Bool = false) {
        self.place = place
        self.message = message
        self.isWarning = isWarning
    }
}

/// Inspects certificate and key files.
package enum CertificateInspection {
    /// All findings about a certificate chain and its key.
    ///
    /// - Parameters:
    ///   - chainIsReadable: whether to inspect the chain; false if the caller has already reported the
    ///     file as unreadable.
    ///   - keyIsReadable: whether to inspect the key; false if the caller has already reported the file as unreadable.
    ///   - now: the time in seconds since 1970.
    ///   - notice: how long before its expiry a certificate begins to cause a warning, in seconds.
    package static func findings(
        _ files: CertificateFiles,
        chainIsReadable: Bool = true,
        keyIsReadable: Bool = true,
        now: Int64,
        notice: Int64
    ) -> [CertificateFinding] {
        ERR_clear_error()
        var found: [CertificateFinding] = []
        if chainIsReadable { found += chainFindings(files.chain, now: now, notice: notice) }
        if keyIsReadable { found += keyFindings(files.key) }
        guard chainIsReadable, keyIsReadable, found.allSatisfy(\.isWarning) else { return found }
        do throws(TLSError) {
            let loaded = try LoadedCertificate(files)
            _ = try TLSContext(serving: [loaded], ticketKeys: TicketKeys { 0 })
        } catch {
            found.append(CertificateFinding(error.kind == .keyMismatch ? .key : .chain, error.reason))
        }
        return found
    }

    private static func keyFindings(_ key: String) -> [CertificateFinding] {
        do throws(TLSError) {
            _ = try PEMFile(key).privateKey()
            return []
        } catch {
            return [CertificateFinding(.key, error.reason)]
        }
    }

    private static func chainFindings(_ chain: String, now: Int64, notice: Int64) -> [CertificateFinding] {
        do throws(TLSError) {
            let facts = try LoadedChain(chain).facts
            return validity(of: facts, now: now, notice: notice).map { CertificateFinding(.chain, $0, isWarning: true) }
        } catch {
            return [CertificateFinding(.chain, error.reason)]
        }
    }

    /// Finds out why these certificates cannot serve one listener together.
    ///
    /// The caller must have checked that each certificate alone is usable.
    ///
    /// - Returns: the index of the certificate at fault and a message; nil if all of them can be served together.
    package static func conflict(among files: [CertificateFiles]) -> (index: Int, message: String)? {
        do throws(TLSError) {
            _ = try TLSContext.server(certificates: files, ticketKeys: TicketKeys { 0 })
            return nil
        } catch {
            return (files.lastIndex { $0.chain == error.file } ?? 0, error.reason)
        }
    }

    /// All findings about a file of certificate authorities that this server trusts.
    ///
    /// - Parameters:
    ///   - now: the time in seconds since 1970.
    ///   - notice: how long before its expiry an authority begins to cause a warning, in seconds.
    package static func findings(authorities path: String, now: Int64, notice: Int64) -> [CertificateFinding] {
        do throws(TLSError) {
            let chain = try LoadedChain(path)
            _ = try TLSContext.client(caFile: path, verify: true, alpn: [])
            // A bundle usually contains some expired authorities. So the file causes a warning only if every authority
            // in it has expired or expires soon.
            let last = chain.facts.max { $0.expires < $1.expires }
            guard let last, last.expires - notice < now else { return [] }
            return [CertificateFinding(.chain, "holds no authority beyond: \(end(last, now))", isWarning: true)]
        } catch {
            return [CertificateFinding(.chain, error.reason)]
        }
    }

    /// All findings about a file of the authorities that issue client certificates.
    ///
    /// - Parameters:
    ///   - now: the time in seconds since 1970.
    ///   - notice: how long before its expiry an authority begins to cause a warning, in seconds.
    package static func findings(clientAuthorities path: String, now: Int64, notice: Int64) -> [CertificateFinding] {
        do throws(TLSError) {
            let loaded = try LoadedAuthorities(path)
            let unused = loaded.leftOut.map { "holds a certificate that may not sign others, and is not used: \($0)" }
            let ending = loaded.facts.filter { $0.expires - notice < now }.map {
                "holds an authority that \(end($0, now))"
            }
            return (unused + ending).prefix(warningsMax).map { CertificateFinding(.chain, $0, isWarning: true) }
        } catch {
            return [CertificateFinding(.chain, error.reason)]
        }
    }

    /// The largest number of warnings about one file of authorities.
    private static let warningsMax = 8

    /// The earliest expiry in the chain, in seconds since 1970; nil if the file cannot be read.
    package static func expiry(chain path: String) -> Int64? {
        (try? LoadedChain(path))?.facts.map(\.expires).min()
    }

    /// The leaf's name and the earliest expiry in the chain, in seconds since 1970; nil if the chain cannot be read.
    package static func expiry(_ contents: CertificateContents) -> (name: String, expires: Int64)? {
        guard let facts = try? LoadedChain(contents.files.chain, contents: contents.chain).facts,
            let expires = facts.map(\.expires).min()
        else { return nil }
        return (facts[0].name, expires)
    }

    /// A warning that the chain has expired, or expires within `notice` seconds; otherwise nil.
    package static func warning(_ contents: CertificateContents, now: Int64, notice: Int64) -> String? {
        guard let (_, expires) = expiry(contents), expires - notice < now else { return nil }
        let facts = CertificateFacts(name: "", validFrom: 0, expires: expires, issuedPrevious: true)
        return "\(contents.files.chain) \(end(facts, now))"
    }

    private static func validity(of chain: [CertificateFacts], now: Int64, notice: Int64) -> [String] {
        var found: [String] = []
        for (index, facts) in chain.enumerated() {
            let name = index == 0 ? "" : "certificate \(index + 1) of the chain (\(facts.name)): "
            if facts.validFrom > now {
                found.append("\(name)is not valid before \(date(facts.validFrom))")
            } else if facts.expires - notice < now {
                found.append(name + end(facts, now))
            }
            if !facts.issuedPrevious {
                found.append("certificate \(index + 1) of the chain (\(facts.name)) did not sign the one before it")
            }
        }
        return found
    }

    private static func end(_ facts: CertificateFacts, _ now: Int64) -> String {
        if facts.expires <= now { return "expired on \(date(facts.expires))" }
        let days = (facts.expires - now) / 86_400
        return "expires on \(date(facts.expires)), in \(days) day\(days == 1 ? "" : "s")"
    }

    private static func date(_ seconds: Int64) -> String {
        String(Timestamp.rfc3339(seconds: Int(seconds)).prefix { $0 != "T" })
    }
}
