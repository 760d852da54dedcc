// Findings of `check` about certificates and keys: faults, and warnings about certificates that expire soon.

internal import COpenSSL

/// A fault of a certificate or key file, or a warning about one.
package struct CertificateFinding: Equatable, Sendable {
    /// Which of the two files of a pair.
    package enum Place: Sendable { case chain, key }

    /// The file at fault.
    package var place: Place
    /// Whether the file can be used in spite of the finding.
    package var isWarning = false
    /// What is wrong, worded to follow the name of the file.
    package var message: String

    package init(_ place: Place, _ message: String, isWarning: Bool = false) {
        self.place = place
        self.message = message
        self.isWarning = isWarning
    }
}

/// Inspects certificate and key files.
package enum CertificateInspection {
    /// How long before its expiry a certificate causes a warning, in seconds: 21 days.
    package static let noticePeriod: Int64 = 21 * 86_400

    /// All findings about a certificate chain and its key.
    ///
    /// - Parameters:
    ///   - chainIsReadable: false skips the chain, whose file has been reported already.
    ///   - keyIsReadable: the same for the key.
    ///   - now: the time in seconds since 1970.
    package static func findings(
        _ files: CertificateFiles,
        chainIsReadable: Bool = true,
        keyIsReadable: Bool = true,
        now: Int64
    ) -> [CertificateFinding] {
        ERR_clear_error()
        var found: [CertificateFinding] = []
        if chainIsReadable {
            do throws(TLSError) {
                found += validity(of: try LoadedChain(files.chain).facts, now: now).map {
                    CertificateFinding(.chain, $0, isWarning: true)
                }
            } catch {
                found.append(CertificateFinding(.chain, error.reason))
            }
        }
        if keyIsReadable {
            do throws(TLSError) {
                _ = try PEMFile(files.key).privateKey()
            } catch {
                found.append(CertificateFinding(.key, error.reason))
            }
        }
        guard chainIsReadable, keyIsReadable, found.allSatisfy(\.isWarning) else { return found }
        do throws(TLSError) {
            let loaded = try LoadedCertificate(files)
            _ = try TLSContext(serving: [loaded], ticketKeys: TicketKeys { 0 }, offersHTTP2: true)
        } catch {
            found.append(CertificateFinding(error.kind == .keyMismatch ? .key : .chain, error.reason))
        }
        return found
    }

    /// Why these certificates, each usable alone, cannot serve one listener together.
    ///
    /// - Returns: the index of the certificate at fault, and a message; nil without a conflict.
    package static func conflict(among files: [CertificateFiles]) -> (index: Int, message: String)? {
        do throws(TLSError) {
            _ = try TLSContext.server(certificates: files, ticketKeys: TicketKeys { 0 })
            return nil
        } catch {
            return (files.lastIndex { $0.chain == error.file } ?? 0, error.reason)
        }
    }

    /// All findings about a file of trusted authorities.
    package static func findings(authorities path: String, now: Int64) -> [CertificateFinding] {
        do throws(TLSError) {
            let chain = try LoadedChain(path)
            _ = try TLSContext.client(caFile: path, verify: true, alpn: [])
            // Some certificates of a bundle have usually expired, so only the expiry of the last one is reported.
            let last = chain.facts.max { $0.expires < $1.expires }
            guard let last, last.expires - noticePeriod < now else { return [] }
            return [CertificateFinding(.chain, "holds no authority beyond: \(end(last, now))", isWarning: true)]
        } catch {
            return [CertificateFinding(.chain, error.reason)]
        }
    }

    /// The first moment, in seconds since 1970, at which a certificate of the chain has expired; nil where it cannot
    /// be read.
    package static func expiry(chain path: String) -> Int64? {
        (try? LoadedChain(path))?.facts.map(\.expires).min()
    }

    /// The same for a chain whose file was read before.
    package static func expiry(_ contents: CertificateContents) -> Int64? {
        (try? LoadedChain(contents.files.chain, contents: contents.chain))?.facts.map(\.expires).min()
    }

    private static func validity(of chain: [CertificateFacts], now: Int64) -> [String] {
        var found: [String] = []
        for (index, facts) in chain.enumerated() {
            let name = index == 0 ? "" : "certificate \(index + 1) of the chain (\(facts.name)): "
            if facts.validFrom > now {
                found.append("\(name)is not valid before \(date(facts.validFrom))")
            } else if facts.expires - noticePeriod < now {
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
