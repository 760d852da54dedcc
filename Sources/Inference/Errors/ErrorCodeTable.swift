// The table that gives a meaning to the types, the codes and the statuses of engines' errors.

/// Finds the meaning of an error's type, code or status in constant tables.
enum ErrorCodeTable {
    /// The meaning of a type or a code; nil for an unknown word.
    ///
    /// `BadRequestError`, `bad_request` and `BAD_REQUEST` are the same word. A word that is not in the table is
    /// recognized by its parts.
    static func meaning(of word: String) -> ErrorMeaning? {
        var name = String(word.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) })
        if let meaning = table[name] { return meaning }
        for ending in ["error", "exception"] where name.hasSuffix(ending) && name.count > ending.count {
            name.removeLast(ending.count)
            if let meaning = table[name] { return meaning }
        }
        // A text of more than four words is a sentence, so its meaning cannot be found by looking for parts of words.
        return word.count { $0 == " " } > 3 ? nil : meaning(ofParts: name)
    }

    /// The meaning of a word that names a thing and says what is wrong with it, such as `project_suspended` and
    /// `model_not_deployed`.
    private static func meaning(ofParts name: String) -> ErrorMeaning? {
        func has(_ parts: String) -> Bool { parts.split(separator: " ").contains { name.contains($0) } }
        let isOfRate = has(
            "ratelimit throttl toomanyrequests quotaexceed exceededquota concurrencylimit queueexceeded "
                + "perminute perday"
        )
        if !isOfRate, has("context prompt input token sequence message"), has("toolong exceed toolarge overflow") {
            return .clientError(400)
        }
        if isOfRate { return .busy(429) }
        if has("overload") { return .busy(529) }
        if has("capacityexceeded queuefull outofcapacity insufficientcapacity") { return .busy(503) }
        if namesModel(name), !has("response output input stream context parameter image") {
            if has("notready loading") { return .busy(503) }
            if has(missing) { return .misconfiguration }
        }
        if blamesOurAccount.contains(where: { has($0.subject) && has($0.predicate) }) || has("arrear") {
            return .misconfiguration
        }
        if has("sensitive moderation contentpolicy contentfilter inappropriate unsafecontent datainspection") {
            return .clientError(400)
        }
        return nil
    }

    /// Parts of words that together say that the edge's API key or account at the engine cannot be used.
    ///
    /// A `subject` names the key or the account. A `predicate` says that it cannot be used.
    private static let blamesOurAccount: [(subject: String, predicate: String)] = [
        (
            "apikey accesstoken authtoken accesskey subscriptionkey credential",
            "invalid incorrect expired missing notfound revoked disabled required wrong unknown leaked blocked notvalid"
        ),
        ("organization organisation account project workspace tenant subscription team billing", closed),
        ("balance credit fund payment", "insufficient exhausted depleted low empty overdue failed negative"),
    ]

    /// Whether a type or a code is about a model.
    static func namesModel(_ word: String) -> Bool {
        let word = word.lowercased()
        return ["model", "deployment", "adapter"].contains { word.contains($0) }
    }

    /// Words that say, beside the word for a model in an error's type or code, that the model cannot be used: for
    /// example `model_not_found`.
    private static let missing = """
        notfound notexist nosuch unknown invalid unsupported notsupported notavailable notloaded unloaded notserved \
        notdeployed notenabled deprecated decommissioned retired removed disabled notallowed termsrequired missing \
        notactive noaccess accessdenied
        """
    /// Words that say, beside the word for an account in an error's type or code, that the account cannot be used: for
    /// example `account_suspended`.
    private static let closed = """
        restricted disabled deactivated suspended blocked banned inactive notactive expired overdue terminated closed \
        locked frozen
        """

    /// For each meaning, the types and codes of errors that have it, in lower case and without separators.
    ///
    /// Each word also matches with `error` or `exception` at its end.
    private static let words: [(ErrorMeaning, String)] = [
        (
            .badRequest,
            """
            badrequest invalidrequest invalidargument invalidparameter invalidvalue invalidtype invalidjson \
            jsoninvalid jsonparse invalidinput validation inputvalidation requestvalidation value \
            failedprecondition outofrange
            """
        ),
        (
            .clientError(422),
            "unprocessableentity unprocessable unprocessablecontent tokenizer template tool empty"
        ),
        (
            .clientError(400),
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
        (.clientError(409), "conflict alreadyexists"),
        (.clientError(413), "requesttoolarge payloadtoolarge requestentitytoolarge contenttoolarge"),
        (.clientError(415), "unsupportedmediatype"),
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
            .misconfiguration,
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

    /// The meaning of each type or code that is listed in `words`.
    private static let table: [String: ErrorMeaning] = {
        var table: [String: ErrorMeaning] = [:]
        for (meaning, names) in words {
            for name in names.split(whereSeparator: \.isWhitespace) { table[String(name)] = meaning }
        }
        return table
    }()

    /// The meaning of an error's status, for errors whose type and code say nothing specific; nil below 400.
    static func meaning(ofStatus status: Int) -> ErrorMeaning? {
        switch status {
        case ..<400: nil
        case 401, 402, 403, 407, 421, 426, 505, 511: .misconfiguration
        case 404: .notFound
        case 405: .missingPath
        // Hugging Face responds with 424 when a generation has failed. An engine that responds with 499 believes that
        // its client has closed the connection, although the edge has not.
        case 424, 499: .failed(500)
        case 429: .busy(429)
        case 400..<500: .clientError(status)
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
