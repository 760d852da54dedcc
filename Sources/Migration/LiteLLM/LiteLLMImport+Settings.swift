// Reads the settings of LiteLLM's proxy that this server has too. For every other setting, the import writes a note
// that says why the setting is not carried over.
internal import Configuration
internal import Transport

extension LiteLLMImport {
    /// Reads every section of LiteLLM's file except the list of models.
    mutating func readSettings(_ root: ForeignSection) {
        if let router = root.section("router_settings") { readRouter(router) }
        if let library = root.section("litellm_settings") { readLibrary(library) }
        if let general = root.section("general_settings") {
            general.drop(
                "master_key",
                "keys are made by `freeinference keys create`, and `authentication.keys` names their file"
            )
            general.finish(Self.generalReasons, otherwise: "the proxy of LiteLLM's own; there is no such setting here")
        }
        root.drop("environment_variables", "set them in the environment of the server (EnvironmentFile of its unit)")
        root.drop("include", "import each of these files, and name the results as `models[].import`")
        root.finish(otherwise: "not a section of LiteLLM that has a meaning here")
    }

    private static let generalReasons: [String: String] = [
        "database_url": "keys are in a file of SQLite or YAML; nothing else is stored",
        "store_model_in_db": "models are in the configuration only",
        "max_parallel_requests": "keys have a limit of concurrency (`keys create`)",
        "global_max_parallel_requests": "see max_running of executors, and admission",
        "alerting": "alerts are made of metrics: infrastructure/monitoring",
        "alerting_threshold": "alerts are made of metrics: infrastructure/monitoring",
        "allowed_routes": "paths are a list of this server's own",
        "background_health_checks": "engines are asked every 2 s whether they live: health.interval",
        "health_check_interval": "engines are asked every 2 s whether they live: health.interval",
        "enforce_user_param": "who asks is known by the key",
        "ui_access_mode": "there is no page for administration",
        "pass_through_endpoints": "see models[].passthrough",
    ]

    // MARK: router_settings

    private mutating func readRouter(_ router: ForeignSection) {
        readTimeout(router, "timeout", into: &draft.response)
        readTimeout(router, "stream_timeout", into: &draft.firstEvent)
        if let strategy = router.text("routing_strategy") {
            switch strategy.text {
            case "least-busy": break
            case "simple-shuffle":
                router.change(
                    "routing_strategy",
                    "executors share by load (`balance`), true to their weights"
                )
            default:
                let why = "executors share by load or by turns (`balance`); there is no such strategy"
                router.drop("routing_strategy", why)
            }
        }
        readAliases(router)
        readFallbacks(router)
        router.finish(Self.routerReasons, otherwise: "the router of LiteLLM's own; there is no such setting here")
    }

    private static let routerReasons: [String: String] = {
        let retries = "attempts are bounded by a budget of all requests, not by a number"
        let health = "executors that fail are left out, and come back, by rules of this server's own"
        let store = "each server counts for itself; there is no store that several share"
        return [
            "num_retries": retries, "max_retries": retries, "retry_policy": retries, "retry_after": retries,
            "model_group_retry_policy": retries, "allowed_fails": health, "allowed_fails_policy": health,
            "cooldown_time": health, "disable_cooldowns": health, "redis_host": store, "redis_port": store,
            "redis_password": store, "redis_url": store, "cache_responses": "answers are not cached",
            "enable_pre_call_checks": "requests are not counted before; the engine says when a prompt is too long",
            "routing_strategy_args": "there is no such strategy",
            "context_window_fallbacks": "a fallback answers when no executor can, not when a prompt is too long",
            "content_policy_fallbacks": "a fallback answers when no executor can, not when an answer is refused",
        ]
    }()

    /// Reads `model_group_alias`, which defines additional names (aliases) of models.
    private mutating func readAliases(_ router: ForeignSection) {
        guard let aliases = router.section("model_group_alias") else { return }
        for key in aliases.rest {
            let position = aliases.position(of: key)
            let target: ForeignText?
            if let node = aliases.node(key), ForeignSection(node, path: "", notes: notes) != nil {
                let section = aliases.section(key)
                target = section?.text("model")
                section?.drop("hidden", "every name of a model is shown in the list of models, or none")
                section?.finish(otherwise: "not a key of an alias that is known here")
            } else {
                target = aliases.text(key)
            }
            guard let target else { continue }
            let name = DraftConfiguration.literal(key)
            guard !key.isEmpty, key.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
                notes.lost(aliases.name(of: key), "it is empty, or has control characters", at: position)
                continue
            }
            guard let index = groupIndexes[ExactText(Self.ours(target.text))] else {
                notes.lost(aliases.name(of: key), "there is no model of the name that it stands for", at: position)
                continue
            }
            groups[index].model.aliases.append(DraftName(name: name, position: position))
        }
    }

    // MARK: litellm_settings

    private mutating func readLibrary(_ library: ForeignSection) {
        if draft.response == nil {
            readTimeout(library, "request_timeout", into: &draft.response)
        } else {
            library.drop("request_timeout", "router_settings.timeout comes before it")
        }
        readFallbacks(library)
        library.finish(Self.libraryReasons, otherwise: "the library of LiteLLM's own; there is no such setting here")
    }

    private static let libraryReasons: [String: String] = {
        let callbacks = "nothing is sent to other programs; see the log line and the metrics"
        let cache = "answers are not cached"
        return [
            "drop_params": "requests pass as they are", "modify_params": "requests pass as they are",
            "num_retries": "attempts are bounded by a budget of all requests, not by a number",
            "allowed_fails": "executors that fail are left out by rules of this server's own",
            "cooldown_time": "executors that fail are left out by rules of this server's own",
            "callbacks": callbacks, "success_callback": callbacks, "failure_callback": callbacks,
            "service_callbacks": callbacks, "cache": cache, "cache_params": cache,
            "set_verbose": "see log.access and log.engine_errors", "json_logs": "log lines are JSON always",
            "context_window_fallbacks": "a fallback answers when no executor can, not when a prompt is too long",
            "content_policy_fallbacks": "a fallback answers when no executor can, not when an answer is refused",
            "max_budget": "there are no budgets; keys have limits of requests and tokens",
            "ssl_verify": "certificates of executors are always verified; tls.ca names their authority",
        ]
    }()

    // MARK: Settings of both sections

    private func readTimeout(_ section: ForeignSection, _ key: String, into value: inout String?) {
        guard let found = section.text(key) else { return }
        guard let duration = SecondsText.duration(found.text) else {
            notes.lost(section.name(of: key), "it is no time between 0.01 and 86400 seconds", at: found.position)
            return
        }
        value = duration
    }

    /// Reads `fallbacks`, a list of `{MODEL: [FALLBACKS]}`, and `default_fallbacks`, which apply to all models.
    private mutating func readFallbacks(_ section: ForeignSection) {
        for item in section.sections("fallbacks") {
            for model in item.rest {
                let named = names(item, model)
                let ours = DraftConfiguration.literal(model)
                let wanted = model == "*" ? Array(groups.indices) : groupIndexes[ExactText(ours)].map { [$0] } ?? []
                if wanted.isEmpty {
                    notes.lost(item.name(of: model), "there is no model of this name", at: item.position(of: model))
                }
                for index in wanted {
                    groups[index].model.fallbacks += others(for: groups[index], model == "*", named)
                }
            }
        }
        let common = names(section, "default_fallbacks")
        for index in groups.indices { groups[index].model.fallbacks += others(for: groups[index], true, common) }
    }

    private func names(_ section: ForeignSection, _ key: String) -> [DraftName] {
        section.texts(key).map { DraftName(name: Self.ours($0.text), position: $0.position) }
    }

    /// The names in `names` that become fallbacks of the model.
    ///
    /// A list for all models may contain the model itself, which cannot be its own fallback and is left out.
    private func others(for group: Group, _ isCommon: Bool, _ names: [DraftName]) -> [DraftName] {
        isCommon ? names.filter { !$0.name.hasBytes(of: group.model.id) } : names
    }
}
