// The vocabulary of engines' errors: what their types, their codes and their statuses mean.

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
            if let meaning = table[name] { return meaning }
        }
        // More than a few words are a sentence.
        return word.count { $0 == " " } > 3 ? nil : meaning(ofParts: name)
    }

    /// What a word means that is not in the table, by what it is about and by what it says of that: `project_suspended`,
    /// `model_not_deployed`.
    private static func meaning(ofParts name: String) -> ErrorMeaning? {
        func has(_ parts: String) -> Bool { parts.split(separator: " ").contains { name.contains($0) } }
        let isOfRate = has(
            "ratelimit throttl toomanyrequests quotaexceed exceededquota concurrencylimit queueexceeded perminute perday"
        )
        if !isOfRate, has("context prompt input token sequence message"), has("toolong exceed toolarge overflow") {
            return .clientsMistake(400)
        }
        if isOfRate { return .busy(429) }
        if has("overload") { return .busy(529) }
        if has("capacityexceeded queuefull outofcapacity insufficientcapacity") { return .busy(503) }
        if namesModel(name), !has("response output input stream context parameter image") {
            if has("notready loading") { return .busy(503) }
            if has(missing) { return .ourConfiguration }
        }
        if has("apikey accesstoken authtoken accesskey subscriptionkey credential"),
            has(
                "invalid incorrect expired missing notfound revoked disabled required wrong unknown leaked blocked notvalid"
            )
        {
            return .ourConfiguration
        }
        if has("organization organisation account project workspace tenant subscription team billing"), has(closed) {
            return .ourConfiguration
        }
        if has("balance credit fund payment"), has("insufficient exhausted depleted low empty overdue failed negative")
        {
            return .ourConfiguration
        }
        if has("arrear") { return .ourConfiguration }
        if has("sensitive moderation contentpolicy contentfilter inappropriate unsafecontent datainspection") {
            return .clientsMistake(400)
        }
        return nil
    }

    /// Whether a type or a code is about a model.
    static func namesModel(_ word: String) -> Bool {
        let word = word.lowercased()
        return ["model", "deployment", "adapter"].contains { word.contains($0) }
    }

    private static let missing = """
        notfound notexist nosuch unknown invalid unsupported notsupported notavailable notloaded unloaded notserved \
        notdeployed notenabled deprecated decommissioned retired removed disabled notallowed termsrequired missing \
        notactive noaccess accessdenied
        """
    private static let closed = """
        restricted disabled deactivated suspended blocked banned inactive notactive expired overdue terminated closed locked \
        frozen
        """

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
            """
            nocapacity capacityexceeded queuefull serverbusy busy slowdown modelnotready modelloading modelisloading \
            loadingmodel noslotavailable noslotsavailable
            """
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
            keymodelaccessdenied teammodelaccessdenied notallowedaccess modeldeprecated noendpoints budgetexceeded \
            invalidtoken tokenexpired tokeninvalid noapikey
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
}
