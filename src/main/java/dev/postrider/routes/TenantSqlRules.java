package dev.postrider.routes;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.camel.component.sql.SqlHelper;

/** Refuses tenant SQL that leaves its workspace or its transaction, or that runs in none. */
final class TenantSqlRules implements RouteLint.Rules {

    /** What chooses a workspace or leaves rows to the connection's next user, even in a string, which SQL may run. */
    private static final Pattern NAMES = Pattern.compile(
            "\\bset_config\\b|\\bapp\\.active_workspace\\b|\\bpg_settings\\b|\\bpg_temp\\b|\\bdblink\\w*|\\blo_\\w+\"?\\s*\\("
                    + "|\\bquery_to_xml\\w*|\\bts_stat\\b|\\bts_rewrite\\b",
            Pattern.CASE_INSENSITIVE);

    /** What does so as a statement, or ends the transaction; and a spelling that hides any name. */
    private static final Pattern STATEMENTS = Pattern.compile(
            "\\bwith\\s+hold\\b|\\b(?:create|into)\\s+(?:(?:local|global)\\s+)?temp(?:orary)?\\b|\\bu&\""
                    + "|(?:^|;)\\s*(?:set|reset|discard|begin|start\\s+transaction|commit|end|rollback|abort"
                    + "|prepare\\s+transaction|do)\\b",
            Pattern.CASE_INSENSITIVE);

    private static final Pattern REPLACES_SQL =
            Pattern.compile("\\bCamelSql(?:Query|DataSource)\\b", Pattern.CASE_INSENSITIVE);

    @Override
    public List<Finding> check(RouteDocument document, List<RouteDocument> others) {
        List<Finding> findings = new ArrayList<>();
        List<YamlNode> inside = Transactions.of(document);
        for (YamlNode route : document.routes()) {
            for (EndpointUse use : EndpointUse.below(route)) {
                if (use.isTenant() && !inside.contains(route)) {
                    findings.add(Finding.at(
                            document.path(),
                            use.at(),
                            "SQL on #tenant outside a workspace transaction is refused when it runs: put the step into a "
                                    + "route of its own in this file, whose first step is '- transacted: {ref: "
                                    + "workspace}', and call that with direct:…"));
                }
            }
        }
        for (EndpointUse use : document.endpoints()) {
            if (use.scheme().equals("sql")) {
                text(document, use).ifPresent(sql -> leaves(document, use, sql, findings));
                if (use.is("useMessageBodyForSql", "true")) {
                    findings.add(replaced(document, use.at()));
                }
            }
        }
        document.texts().stream()
                .filter(text -> REPLACES_SQL.matcher(text.text()).find())
                .forEach(text -> findings.add(replaced(document, text)));
        return findings;
    }

    private static Finding replaced(RouteDocument document, YamlNode at) {
        return Finding.at(
                document.path(),
                at,
                "SQL that comes with a message is seen by no check: write it into db/queries/<name>.sql, and bind values");
    }

    private static void leaves(RouteDocument document, EndpointUse use, String sql, List<Finding> findings) {
        if (!use.isTenant()) {
            return;
        }
        // As the component sends it, which leaves whole lines of comment out.
        SqlText text = SqlText.of(SqlHelper.resolvePlaceholders(sql, null));
        Stream.of(NAMES.matcher(text.uncommented()), STATEMENTS.matcher(text.bare()))
                .filter(Matcher::find)
                .findFirst()
                .ifPresent(match -> findings.add(Finding.at(
                        document.path(),
                        use.at(),
                        use.target() + " says '"
                                + match.group().replaceFirst("^;", "").strip().replaceAll("\\s+", " ")
                                + "': SQL of a route chooses no workspace, ends no transaction and leaves nothing behind on "
                                + "its connection; remove it")));
    }

    /** The SQL of a file that can be read now; a missing one is found when the route is tried. */
    private static Optional<String> text(RouteDocument document, EndpointUse use) {
        String target = use.target();
        try {
            if (target.startsWith("classpath:")) {
                String name = target.substring("classpath:".length()).replaceFirst("^/+", "");
                try (InputStream in =
                        Thread.currentThread().getContextClassLoader().getResourceAsStream(name)) {
                    return in == null
                            ? Optional.empty()
                            : Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
                }
            }
            if (target.startsWith("file:")) {
                return Optional.of(Files.readString(Path.of(target.substring("file:".length()))));
            }
        } catch (IOException | IllegalArgumentException unreadable) {
            return Optional.empty();
        }
        return Optional.empty();
    }
}
