package dev.postrider.operations;

import dev.postrider.database.DatabaseLocation;
import dev.postrider.secrets.Secrets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.springframework.boot.context.event.ApplicationReadyEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/**
 * Tells the person who started Postrider what runs where, and how to get in.
 *
 * <p>Keys are shown at the first start only, on standard output and not in the log: logs are collected.
 */
@Component
class Announcement {

    private static final Map<String, String> LABELS = Map.of(
            "postrider.demo.api-key", "API key",
            "postrider.operator.api-key", "Operator key",
            "postrider.operator.password", "Hawtio password");

    private final Secrets secrets;
    private final DatabaseLocation database;
    private final Environment environment;

    Announcement(Secrets secrets, DatabaseLocation database, Environment environment) {
        this.secrets = secrets;
        this.database = database;
        this.environment = environment;
    }

    @EventListener
    void announce(ApplicationReadyEvent event) {
        double seconds = event.getTimeTaken() == null ? 0 : event.getTimeTaken().toMillis() / 1000.0;
        System.out.println(text(seconds));
    }

    String text(double seconds) {
        String api = "http://localhost:" + environment.getProperty("local.server.port", "8080");
        String management =
                "http://localhost:" + environment.getProperty("local.management.port", "8081") + "/actuator/";
        StringBuilder text = new StringBuilder("%n  Postrider is ready (%.1f s)%n%n".formatted(seconds));
        line(text, "API", api + "/v1   described at " + api + "/openapi.json");
        line(text, "Hawtio", management + "hawtio" + login());
        line(text, "Health", management + "health   metrics at " + management + "prometheus");
        line(text, "Database", database.urlForPeople() + (database.embedded() ? "   (embedded)" : ""));
        secrets.file().ifPresent(file -> {
            line(text, "Keys", "in " + file);
            Map<String, String> shown = new TreeMap<>(secrets.generatedNow());
            shown.keySet().retainAll(LABELS.keySet());
            if (!shown.isEmpty()) {
                text.append("%n  Shown only now:%n".formatted());
                shown.forEach((name, secret) -> line(text, LABELS.get(name), secret));
            }
        });
        text.append("%n  What to try next: the tour in README.md%n".formatted());
        return text.toString();
    }

    private String login() {
        Optional<String> password = secrets.operatorPassword();
        return password.isPresent()
                ? "   log in as " + secrets.operatorUsername()
                : "   closed until postrider.operator.password is given";
    }

    private static void line(StringBuilder text, String what, String where) {
        text.append("  %-16s %s%n".formatted(what, where));
    }
}
