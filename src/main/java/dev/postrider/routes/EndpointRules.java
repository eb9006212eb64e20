package dev.postrider.routes;

import java.util.ArrayList;
import java.util.List;

/** Refuses uses of endpoints that run well in a trial and lose work or requests later. */
final class EndpointRules implements RouteLint.Rules {

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>();
        for (EndpointUse use : document.endpoints()) {
            switch (use.scheme()) {
                case "sql" -> sql(document, use, findings);
                case "platform-http" -> platformHttp(document, use, findings);
                case "http", "https" -> http(document, use, findings);
                case "kamelet" -> kamelet(document, use, findings);
                default -> {}
            }
        }
        for (YamlNode route : document.routes()) {
            claimedRows(document, route, findings);
        }
        return findings;
    }

    private static void sql(RouteDocument document, EndpointUse use, List<Finding> findings) {
        if (use.has("maxMessagesPerPoll")) {
            findings.add(
                    Finding.at(
                            document.path(),
                            use.at(),
                            "maxMessagesPerPoll loses the rows beyond it, although they are claimed: write a LIMIT in the SQL"));
        }
        String query = use.target().isEmpty() ? use.parameters().getOrDefault("query", "") : use.target();
        if (!query.startsWith("classpath:") && !query.startsWith("file:") && !query.startsWith("{{")) {
            findings.add(Finding.at(
                    document.path(),
                    use.at(),
                    "SQL in a uri ends up in logs, thread names and metrics: move it to db/queries/<name>.sql and write "
                            + "'sql:classpath:db/queries/<name>.sql'"));
        }
    }

    private static void platformHttp(RouteDocument document, EndpointUse use, List<Finding> findings) {
        if (!use.is("useStreaming", "true")) {
            findings.add(Finding.at(
                    document.path(),
                    use.at(),
                    "platform-http reads the body as text and corrupts other bytes: add 'useStreaming: true' to its "
                            + "parameters"));
        }
    }

    private static void http(RouteDocument document, EndpointUse use, List<Finding> findings) {
        boolean bounded = use.has("connectTimeout") && (use.has("responseTimeout") || use.has("soTimeout"));
        if (!bounded && !use.has("httpClientConfigurer")) {
            findings.add(Finding.at(
                    document.path(),
                    use.at(),
                    "an HTTP call without timeouts waits for three minutes: add 'connectTimeout' and 'responseTimeout' "
                            + "to its parameters"));
        }
    }

    private static void kamelet(RouteDocument document, EndpointUse use, List<Finding> findings) {
        use.at()
                .get("parameters")
                .ifPresent(parameters -> parameters.entries().forEach((name, value) -> {
                    if (value.text().contains("&") && !value.text().startsWith("RAW(")) {
                        findings.add(Finding.at(
                                document.path(),
                                value,
                                "Camel writes '" + name
                                        + "' into a url as it is, and cuts it at the '&': write it as RAW(…)"));
                    }
                }));
    }

    private static void claimedRows(RouteDocument document, YamlNode route, List<Finding> findings) {
        boolean polls = route.get("from")
                .map(from -> (from.isMap() ? from.text("uri") : from.text()).startsWith("sql"))
                .orElse(false);
        if (polls && !route.text("shutdownRunningTask").equals("CompleteAllTasks")) {
            findings.add(Finding.at(
                    document.path(),
                    route,
                    "a shutdown would abandon the rows that this poll has claimed: add 'shutdownRunningTask: "
                            + "CompleteAllTasks' to the route"));
        }
    }
}
