// The vocabulary of engines' errors: what their types and codes mean, and their sentences where they have neither.

/// What an error comes to, whoever told it.
package enum ErrorMeaning: Equatable, Sendable {
    /// The request is wrong; a number says better in which way.
    case badRequest
    /// The request cannot be served by anybody as it is; the status that says so.
    case clientsMistake(Int)
    /// The request asks for what the engine does not do.
    case notImplemented
    /// The engine has no such path, or does not take this method there.
    case missingPath
    /// Something is not there; what it is, only the sentence says.
    case notFound
    /// The engine lives and has too much to do: 429, 503 or 529.
    case busy(Int)
    /// The engine, or what stands before it, cannot be asked now: 502, 503 or 504.
    case unavailable(Int)
    /// Our credential, our account or the model that we ask for is wrong.
    case ourConfiguration
    /// The engine has failed: at this request, or at all.
    case failed(Int)

    /// The word for it in the log.
    package var label: String {
        switch self {
        case .badRequest, .clientsMistake: "clients_mistake"
        case .notImplemented: "not_implemented"
        case .missingPath: "missing_path"
        case .notFound: "not_found"
        case .busy: "busy"
        case .unavailable: "unavailable"
        case .ourConfiguration: "our_configuration"
        case .failed: "failed"
        }
    }

    /// It says little more than on which side the fault is.
    var isGeneral: Bool {
        switch self {
        case .badRequest, .notFound, .failed(500): true
        default: false
        }
    }
}

enum EngineWords {
    /// What a type or a code means; nil for a word that is not known.
    ///
    /// `BadRequestError`, `bad_request` and `BAD_REQUEST` are one word.
    static func meaning(of word: String) -> ErrorMeaning? {
        var name = String(word.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) })
        if let meaning = table[name] { return meaning }
        for ending in ["error", "exception"] where name.hasSuffix(ending) && name.count > ending.count {
            name.removeLast(ending.count)
            return table[name]
        }
        return nil
    }

    private static let words: [(ErrorMeaning, String)] = [
        (
            .badRequest,
            """
            badrequest invalidrequest invalidargument invalidparameter invalidvalue invalidtype invalidjson jsoninvalid \
            jsonparse invalidinput validation inputvalidation requestvalidation value failedprecondition outofrange
            """
        ),
        (
            .clientsMistake(422),
            "unprocessableentity unprocessable unprocessablecontent tokenizer template tool empty"
        ),
        (
            .clientsMistake(400),
            """
            contextlengthexceeded contextwindowexceeded exceedcontextsize modelcontextwindowexceeded \
            stringabovemaxlength arrayabovemaxlength \
            missingrequiredparameter unknownparameter unsupportedparameter unsupportedvalue integerbelowminvalue \
            integerabovemaxvalue decimalbelowminvalue decimalabovemaxvalue emptyarray invalidfunctionparameters \
            invalidprompt invalidschema invalidresponseformat contentfilter contentfiltered contentpolicyviolation \
            responsibleaipolicyviolation moderationblocked biopolicy cyberpolicy invalidimage invalidimageformat \
            invalidimageurl invalidimagemode invalidbase64image imagetoolarge imagetoosmall imageparse \
            imagecontentpolicyviolation imagefiletoolarge imagefilenotfound unsupportedimagemediatype emptyimagefile \
            failedtodownloadimage previousresponsenotfound responsenotfound operationnotsupported \
            arraybelowminlength stringbelowminlength stringtoolong emptystring invalidencryptedcontent invalidpayload \
            invalidtoolcall jsonvalidatefailed toolusefailed missingtemplatevariable maxtokensexceeded \
            maxtokenstoolarge tokenlimitexceeded imagedownloadfailed imagenotfound unsupportedimageformat \
            imagegenerationuser dataresidencymismatch flagged moderation refusal safety sensitive \
            unsupportedparams unsupportedoperation batchsizeexceeded
            """
        ),
        (.clientsMistake(409), "conflict alreadyexists"),
        (.clientsMistake(413), "requesttoolarge payloadtoolarge requestentitytoolarge contenttoolarge"),
        (.clientsMistake(415), "unsupportedmediatype"),
        (.notImplemented, "notimplemented unimplemented notsupported"),
        (
            .missingPath,
            "methodnotallowed methodnotsupported wrongendpoint unknownurl invalidurl routenotfound nosuchroute"
        ),
        (.notFound, "notfound"),
        (
            .busy(429),
            """
            ratelimit ratelimitexceeded ratelimitreached ratelimited toomanyrequests throttling throttled \
            insufficientquota quotaexceeded servicequotaexceeded resourceexhausted usagelimitreached \
            concurrencylimitexceeded alldeploymentsincooldown exceededcurrentquota \
            capacityexhausted inflightbudgetexhausted
            """
        ),
        (
            .busy(529),
            "overloaded engineoverloaded modeloverloaded serveroverloaded serverisoverloaded provideroverloaded"
        ),
        (
            .busy(503),
            "nocapacity capacityexceeded queuefull serverbusy busy slowdown modelnotready modelloading modelisloading"
        ),
        (
            .unavailable(503),
            """
            unavailable serviceunavailable serverunavailable temporarilyunavailable noavailableworkers \
            workerunavailable noavailableproviders noworkers nohealthyupstream automodelunavailable
            """
        ),
        (.unavailable(502), "badgateway providerunavailable"),
        (
            .unavailable(504),
            "timeout gatewaytimeout deadlineexceeded modeltimeout apitimeout requesttimeout vectorstoretimeout"
        ),
        (
            .ourConfiguration,
            """
            authentication unauthorized unauthenticated invalidapikey apikeyinvalid incorrectapikey permission \
            permissiondenied accessdenied forbidden requestforbidden billing paymentrequired insufficientcredits \
            insufficientbalance accountdeactivated usagenotincluded unsupportedcountryregionterritory expiredtoken \
            unrecognizedclient modelnotfound nosuchmodel unknownmodel invalidmodel deploymentnotfound \
            resourcenotfound modelnotavailable modelnotexist unsupportedmodel auth invalidkey expiredkey \
            invalidauthentication accessterminated billinghardlimitreached billinglimituser billingnotactive \
            insufficientfunds creditsexhausted creditbalanceexhausted enforcedspendlimitreached spendlimitreached \
            keymodelaccessdenied teammodelaccessdenied notallowedaccess modeldeprecated noendpoints budgetexceeded
            """
        ),
        (
            .failed(500),
            """
            internal internalserver server api generation incompletegeneration unknown backend unhealthy modelerror \
            modelstream streamserialization apiconnection nodbconnection unmapped outofmemory oom internalfailure \
            enginedead dataloss aborted abort cancelled runtime
            """
        ),
    ]

    private static let table: [String: ErrorMeaning] = {
        var table: [String: ErrorMeaning] = [:]
        for (meaning, names) in words {
            for name in names.split(whereSeparator: \.isWhitespace) { table[String(name)] = meaning }
        }
        return table
    }()

    /// What a status means that comes without a word that says more; nil below 400.
    static func meaning(of status: Int) -> ErrorMeaning? {
        switch status {
        case ..<400: nil
        case 401, 402, 403, 407, 421, 426, 505, 511: .ourConfiguration
        case 404: .notFound
        case 405: .missingPath
        // An engine that reports a client that is still there, and Hugging Face's for a failed generation.
        case 424, 499: .failed(500)
        case 429: .busy(429)
        case 400..<500: .clientsMistake(status)
        case 501: .notImplemented
        case 529: .busy(529)
        case 502, 503: .unavailable(status)
        case 504, 522, 524, 598, 599: .unavailable(504)
        case 520...530: .unavailable(502)
        case 500: .failed(500)
        default: .failed(502)
        }
    }

    // MARK: Sentences

    /// What a sentence means that came with nothing else, or with a general failure of the server.
    static func meaning(ofSentence text: String) -> ErrorMeaning? {
        let text = text.lowercased()
        func says(_ phrases: [String]) -> Bool { phrases.contains { text.contains($0) } }
        if let status = innerStatus(text), let inner = meaning(of: status) { return inner }
        if says(tooLong) { return .clientsMistake(400) }
        if says(unsupported) { return .clientsMistake(400) }
        if says(full) { return .busy(503) }
        return nil
    }

    private static let tooLong = [
        "maximum context length", "context length exceeded", "context window", "exceeds the available context",
        "longer than the model's context", "prompt is too long", "input is too long",
        "longer than the maximum model length",
        "exceeds the maximum allowed length", "exceed context size",
    ]
    private static let unsupported = [
        "does not support tools", "does not support thinking", "does not support chat", "does not support image",
        "does not support embedding", "does not support reasoning", "is not a multimodal model", "reasoning parser",
        "requires --enable-auto-tool-choice", "--tool-call-parser", "invalid grammar", "failed to parse grammar",
    ]
    private static let full = [
        "queue is full", "server busy", "server is busy", "overloaded", "too many requests", "rate limit",
        "at capacity",
        "maximum pending requests", "loading model", "model is loading", "no slots available",
    ]

    /// An engine that speaks another dialect through itself quotes the error of its inner one: `{'message': ...,
    /// 'code': 400}` in a sentence about something else, `Error code: 400 - ...`.
    private static func innerStatus(_ text: String) -> Int? {
        for phrase in [
            "'code': ", "\"code\": ", "\"code\":", "\\\"code\\\":", "error code: ", "status code: ", "status_code=",
        ] {
            for range in text.ranges(of: phrase) {
                let digits = text[range.upperBound...].prefix { $0.isASCII && $0.isNumber }
                if digits.count == 3, let number = Int(digits), (400...599).contains(number) { return number }
            }
        }
        return nil
    }

    /// Whether a sentence says that a model is not there: then our configuration names it wrongly, since the name that the
    /// client gave is not the one that the engine gets.
    static func saysModelIsMissing(_ text: String) -> Bool {
        let text = text.lowercased()
        // OpenRouter's sentences; `that support tool use` in place of a name is about the request.
        if text.contains("no endpoints found for ") || text.contains("no allowed providers") { return true }
        for name in ["model", "deployment", "adapter"] {
            guard let place = text.firstRange(of: name) else { continue }
            let rest = text[place.lowerBound...].prefix(160)
            if missing.contains(where: { rest.contains($0) }) { return true }
            let before = text[..<place.lowerBound].suffix(12)
            if before.hasSuffix("unknown ") || before.hasSuffix("no such ") || before.hasSuffix("invalid ") {
                return true
            }
        }
        return false
    }

    private static let missing = [
        "not found", "does not exist", "doesn't exist", "not exist", "is not available", "is not loaded", "not served",
        "no longer available", "found for",
    ]

    /// Whether a sentence is what a server says of a path that it does not have: it names nothing, or the path.
    static func saysPathIsMissing(_ text: String) -> Bool {
        let text = text.lowercased()
        let letters = text.filter { $0.isLetter || $0 == " " }.split(separator: " ").joined(separator: " ")
        if ["not found", "page not found", "file not found", "resource not found", "route not found", ""].contains(
            letters
        ) {
            return true
        }
        return ["cannot post", "invalid url", "unknown request url", "no route", "unknown path", "unknown endpoint"]
            .contains {
                text.contains($0)
            } || (text.contains("/v1/") && text.contains("not found"))
    }

    /// Whether a sentence says that our key is wrong.
    static func saysKeyIsWrong(_ text: String) -> Bool {
        let text = text.lowercased()
        guard text.contains("api key") || text.contains("api_key") else { return false }
        return ["not valid", "invalid", "incorrect", "expired"].contains { text.contains($0) }
    }

    /// Whether a refusal (403) is of what the client wrote, and not of our credential.
    static func saysContentIsRefused(_ text: String) -> Bool {
        let text = text.lowercased()
        return ["flagged", "moderation", "content policy", "safety", "guardrail"].contains { text.contains($0) }
    }
}
